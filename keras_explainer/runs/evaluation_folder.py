"""The folder of an evaluation."""

from keras_explainer.runs.run_folder import RunFolder


class EvaluationFolder(RunFolder):
    """A run folder that keeps what was measured of every image.

    Args: as of `RunFolder`.
    """

    resumed_after = "its first image"
    # Progress is counted in images.
    changeable_settings = ("batch_size",)

    def measured(self, methods):
        """Returns the folder for a file of values of each method."""
        for name in methods:
            self.file(f"measured/{name}.npz")
        return self.path / "measured"
