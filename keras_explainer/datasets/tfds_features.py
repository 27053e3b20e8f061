"""Where a data set of TensorFlow Datasets has its images, labels and masks."""

# Where to look for features, the first one first.
_LABELS = ("label",), ("labels",), ("objects", "label")
_OF_BOXES = ("label", "is_crowd")
_REGIONS = ("mask",), ("segmentation_mask",), ("bbox",), ("objects", "bbox")


def find_places(features, name, masks):
    """Returns the places of all features that are needed of a data set.

    Args:
        features: `tfds.features.FeaturesDict`.
        name: String, of the data set.
        masks: Boolean. Whether masks are wanted.

    Returns:
        List of tuples of keys: of the image, of the labels and, with masks, of the
        masks or boxes and of what is known of each box.

    Raises:
        ValueError: If a feature is missing.
    """
    image = _find_feature(features, [("image",)], "images", name)
    labels = _find_feature(features, _LABELS, "labels", name)
    if not masks:
        return [image, labels]
    regions = _find_feature(features, _REGIONS, "masks or boxes", name)
    of_boxes = []
    if regions == ("objects", "bbox"):
        of_boxes = [("objects", key) for key in _OF_BOXES]
        # The labels of an image are in another order than its boxes.
        class_names = feature_at(features, labels).names
        if getattr(feature_at(features, of_boxes[0]), "names", None) != class_names:
            del of_boxes[0]
        of_boxes = [p for p in of_boxes if feature_at(features, p) is not None]
    return [image, labels, regions, *of_boxes]


def label_names(features, name):
    """Returns the names of the labels, by the features of a data set and its name."""
    return list(
        feature_at(features, _find_feature(features, _LABELS, "labels", name)).names
    )


def _find_feature(features, places, what, name):
    """Returns the first of the places, tuples of keys, that is in the features."""
    for place in places:
        if feature_at(features, place) is not None:
            return place
    raise ValueError(
        f"Argument `name` should be a data set with {what}. Received: {name!r} with "
        f"features {sorted(features)}"
    )


def feature_at(features, place):
    """Returns the feature at a tuple of keys, that of single items; None without."""
    for key in place:
        features = getattr(features, "feature", features)  # of a sequence
        if key not in features:
            return None
        features = features[key]
    return getattr(features, "feature", features)


def wanted_features(places):
    """Returns nested dicts of the places, for `tfds.decode.PartialDecoding`."""
    wanted = {}
    for *keys, last in places:
        branch = wanted
        for key in keys:
            branch = branch.setdefault(key, {})
        branch[last] = True
    return wanted


def value_at(example, place):
    for key in place:
        example = example[key]
    return example
