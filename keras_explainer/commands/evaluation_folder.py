"""The folder of an evaluation."""

from keras_explainer.commands.run_folder import RunFolder


class EvaluationFolder(RunFolder):
    """A run folder that keeps what was measured of every image.

    Args: as of `RunFolder`.
    """

    kept_files = "measured/*.npz"
    resumed_after = "its first image"

    @property
    def measured(self):
        """The folder with a file of values for each method."""
        return self.path / "measured"

    @property
    def progress(self):
        names = sorted(path.stem for path in self.path.glob(self.kept_files))
        return f"after images of {', '.join(names)}"
