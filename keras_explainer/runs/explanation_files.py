"""The files that tell about explained pictures."""

import os
import re

import numpy as np

from keras_explainer.visualization import class_grid
from keras_explainer.visualization import save_figure
from keras_explainer.visualization import save_image
from keras_explainer.visualization.pixels import resize

# Of the names of a picture and of a class: file systems take 255 for a file.
_STEM_BYTES, _NAME_BYTES = 120, 80


class ExplanationFiles:
    """Writes the files of one picture after the other.

    Args:
        folder: Path of the folder.
        class_names: List of the names of all classes.
        threshold: float, at which masks are made black and white, or None to keep
            them grey. Areas and boxes are measured at it, or else at 0.5.
        file: Function from the name of a file to its path, or None.
    """

    def __init__(self, folder, class_names, threshold=None, file=None):
        self.file = file or folder.joinpath
        self.class_names = class_names
        self.threshold = threshold
        self._taken = set()

    def write(
        self,
        path,
        picture,
        masks,
        classes,
        scores,
        kept_scores=None,
        removed_scores=None,
        relevance=None,
    ):
        """Writes the overlay and the masks of a picture.

        Args:
            path: Path that the picture was read from.
            picture: RGB `PIL.Image`.
            masks: Array (h, w, k) in [0, 1].
            classes: Array (k,) of class indices.
            scores: Array (k,), the probabilities.
            kept_scores: Array (k,), those from each mask alone, or None.
            removed_scores: Array (k,), those without each mask, or None.
            relevance: Array (h, w, k) in [0, 1], to be written too, or None.

        Returns:
            Dict of JSON values, the record of the picture.
        """
        probabilities = {"probability": scores}
        if kept_scores is not None:
            probabilities["kept_probability"] = kept_scores
            probabilities["removed_probability"] = removed_scores
        names = [self.class_names[index] for index in classes]
        stem = self._free(_shortened(path.stem, _STEM_BYTES), "_overlay.png")
        figure = class_grid(
            np.asarray(picture),
            masks,
            names,
            scores,
            classes=classes,
            kept_scores=kept_scores,
            removed_scores=removed_scores,
        )
        save_figure(figure, self.file(f"{stem}_overlay.png"))
        return {
            "file": str(path),
            "width": picture.width,
            "height": picture.height,
            "overlay": f"{stem}_overlay.png",
            "classes": [
                self._write_mask(
                    stem,
                    picture,
                    masks[..., k],
                    index,
                    {key: round(float(v[k]), 6) for key, v in probabilities.items()},
                    None if relevance is None else relevance[..., k],
                )
                for k, index in enumerate(classes)
            ],
        }

    def _write_mask(self, stem, picture, mask, index, probabilities, relevance):
        name = self.class_names[index]
        mask = resize(np.asarray(mask, "float32"), picture.size[::-1])
        inside = mask >= (0.5 if self.threshold is None else self.threshold)
        file = self._free(f"{stem}_{_plain(name)}", ".png") + ".png"
        save_image(mask if self.threshold is None else inside, self.file(file))
        files = {"mask": file}
        if relevance is not None:
            relevance = resize(np.asarray(relevance, "float32"), picture.size[::-1])
            file = self._free(f"{file[:-4]}_relevance", ".png") + ".png"
            save_image(relevance, self.file(file))
            files["relevance"] = file
        return {
            "class": int(index),
            "name": name,
            **probabilities,
            **files,
            "area": round(float(inside.mean()), 6),
            "box": bounding_box(inside),
        }

    def _free(self, stem, ending):
        """Returns the stem, with a number where another file has the name already."""
        free, number = stem, 1
        # Some file systems take upper and lower case for the same.
        while (free + ending).lower() in self._taken:
            number += 1
            free = f"{stem}_{number}"
        self._taken.add((free + ending).lower())
        return free


def bounding_box(inside):
    """Returns [left, top, right, bottom] in pixels, the last two excluded.

    Args:
        inside: Boolean array (H, W).

    Returns:
        List of four ints, or None if no pixel is inside.

    Example:

    >>> bounding_box(np.array([[0, 0, 0], [0, 1, 1]], bool))
    [1, 1, 3, 2]
    """
    if not inside.any():
        return None
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]


def _plain(name):
    plain = re.sub(r"[^\w-]+", "_", name).strip("_") or "class"
    return _shortened(plain, _NAME_BYTES)


def _shortened(name, count):
    return os.fsencode(name)[:count].decode(errors="ignore")
