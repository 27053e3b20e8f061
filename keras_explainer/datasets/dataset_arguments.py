"""The arguments that all loaders have, checked."""

from keras_explainer.inputs.check_class_names import check_class_names


def as_size(image_size):
    """Returns `image_size`, an int or a pair, as `(height, width)`."""
    size = (image_size,) * 2 if isinstance(image_size, int) else tuple(image_size)
    if len(size) != 2 or not all(isinstance(n, int) and n > 0 for n in size):
        raise ValueError(
            "Argument `image_size` should be a positive integer or a pair (height, "
            f"width) of them. Received: image_size={image_size}"
        )
    return size


def check_classes(classes, known):
    """Returns `classes`, or all known ones for None, as a list of distinct names."""
    known = list(known)
    class_names = (
        known if classes is None else check_class_names(classes, None, "classes")
    )
    unknown = [name for name in class_names if name not in known]
    if unknown:
        raise ValueError(
            f"Argument `classes` should be names out of {known}, not {unknown}. "
            f"Received: classes={class_names}"
        )
    if not class_names or len(set(class_names)) < len(class_names):
        raise ValueError(
            "Argument `classes` should hold at least one name, and none twice. "
            f"Received: classes={class_names}"
        )
    return class_names


def check_shard(shard, most=None):
    is_pair = isinstance(shard, (tuple, list)) and len(shard) == 2
    if not is_pair or not 0 <= shard[0] < shard[1] or shard[1] > (most or shard[1]):
        limit = f" <= {most}, the number of examples" if most else ""
        raise ValueError(
            "Argument `shard` should be a pair (index, count) with 0 <= index < "
            f"count{limit}. Received: shard={shard}"
        )


def shard_of(items, shard):
    """Returns every `count`-th of the items, from `index` on; all for None."""
    if shard is None:
        return items
    check_shard(shard, len(items))
    return items[shard[0] :: shard[1]]


def check_limit(limit):
    if limit is not None and limit < 1:
        raise ValueError(
            "Argument `limit` should be a positive integer or None. "
            f"Received: limit={limit}"
        )
