"""The instances file of COCO, read with an eye on what may be wrong in it."""

import collections
import json
import typing


class Instances(typing.NamedTuple):
    """What `read_instances` returns.

    Args:
        images: Dict from an image id to its `file_name`, `height` and `width`.
        annotations: Dict from an image id to the list of its annotations.
        categories: Dict from a category id to its name, by rising id.
    """

    images: dict
    annotations: dict
    categories: dict


def read_instances(path, remarks):
    """Reads an instances JSON file of COCO.

    What cannot be used is left out and added to the remarks: entries whose id was
    there before, annotations of no known image or category, and polygons of fewer
    than three points.

    Args:
        path: `pathlib.Path` of the file.
        remarks: `Remarks`.

    Raises:
        ValueError: If the file is no such JSON, or lists no images.
    """
    try:
        content = json.loads(path.read_bytes())
        content["images"], content["annotations"], content["categories"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            "The annotations of COCO should be JSON with images, annotations and "
            f"categories. Received: {path}, {type(error).__name__}: {error}"
        ) from error
    images = _by_id(content["images"], "images whose id was there before", remarks)
    if not images:
        raise ValueError(f"{path} should list images. Received: none")
    known = _by_id(content["annotations"], "annotations of an id seen before", remarks)
    names = {entry["id"]: entry["name"] for entry in content["categories"]}
    annotations = collections.defaultdict(list)
    for number, annotation in known.items():
        image = images.get(annotation["image_id"])
        place = f"annotation {number}"
        if image is None:
            remarks.add("annotations of images that are not listed", place)
        elif annotation["category_id"] not in names:
            remarks.add("annotations of no known class", place)
        else:
            usable = _usable_outline(annotation, image, place, remarks)
            annotations[image["id"]].append({**annotation, "segmentation": usable})
    for number, image in images.items():
        if number not in annotations:
            remarks.add("images without annotations", image["file_name"])
    return Instances(images, annotations, dict(sorted(names.items())))


def _by_id(entries, kind, remarks):
    found = {}
    for entry in entries:
        if entry["id"] in found:
            remarks.add(kind, f"id {entry['id']}")
        else:
            found[entry["id"]] = entry
    return found


def _usable_outline(annotation, image, place, remarks):
    """Returns the segmentation of an annotation without what encloses nothing."""
    outline = annotation["segmentation"]
    if isinstance(outline, dict):
        if list(outline["size"]) == [image["height"], image["width"]]:
            return outline
        remarks.add("outlines of another size than the image", place)
        return []
    polygons = [p for p in outline if len(p) >= 6 and len(p) % 2 == 0]
    if len(polygons) < len(outline):
        remarks.add("annotations with polygons of fewer than three points", place)
    return polygons
