"""What was measured of one row of the comparison, image by image."""

import numpy as np

from keras_explainer.evaluation.bootstrap_interval import bootstrap_interval
from keras_explainer.files.atomic_file import atomic_file


class MethodResult:
    """Values of one method, image by image, that can be kept in a file.

    Args:
        name: String, the name in `METHOD_ROWS`.
        values: Dict of arrays whose first axis is the images measured so far.
        failure: String, one sentence about why the method failed, or None.
    """

    def __init__(self, name, values=None, failure=None):
        self.name = name
        self.values = values or {}
        self.failure = failure

    @property
    def images(self):
        """How many images were measured."""
        return len(self.values.get("seconds", ()))

    def add(self, values):
        """Adds a batch: a dict of arrays by the same names."""
        for name, array in values.items():
            before = self.values.get(name)
            parts = [array] if before is None else [before, array]
            self.values[name] = np.concatenate(parts)

    def summary(self, metric, seed=0):
        """Summarises a metric over the images.

        Args:
            metric: String, a name in `values`.
            seed: int, of the bootstrap.

        Returns:
            Dict of "mean", "low" and "high" (the 95 % bootstrap interval), and
            "images" that have a value; None if no image has one.
        """
        values = self.values.get(metric)
        if values is None or np.isnan(values).all():
            return None
        low, high = bootstrap_interval(values, seed=seed)
        return {
            # float64, or the mean of a constant would not be the constant.
            "mean": float(np.nanmean(values, dtype="float64")),
            "low": low,
            "high": high,
            "images": int((~np.isnan(values)).sum()),
        }

    @property
    def seconds_per_image(self):
        """The median over the images, or None; the first batches also compile."""
        return float(np.median(self.values["seconds"])) if self.images else None

    def curve(self, name):
        """Returns the mean over images of "insertion_curve" and the like, or None."""
        values = self.values.get(name)
        known = None if values is None else values[~np.isnan(values).any(axis=1)]
        return None if known is None or not len(known) else known.mean(axis=0)

    def discrimination_matrix(self):
        """Returns the matrix (C, C) of `ClassDiscrimination`, or None.

        The row is a class present in the image, the column the class whose mask is
        kept; rows of classes that are in no image are NaN.
        """
        matrices = self.values.get("discrimination_matrix")
        if matrices is None or np.isnan(matrices).all():
            return None
        seen = (~np.isnan(matrices)).sum(axis=0).astype("float32")
        seen[seen == 0] = np.nan
        return np.nansum(matrices, axis=0) / seen

    def save(self, path):
        """Writes the values, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as temporary:
            np.savez_compressed(temporary, **self.values)

    @classmethod
    def load(cls, name, path):
        """Reads what `save` wrote; a result without images where nothing was."""
        if not path.is_file():
            return cls(name)
        with np.load(path) as values:
            return cls(name, dict(values))
