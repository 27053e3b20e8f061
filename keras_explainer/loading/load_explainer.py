"""From a path to the explainer saved there."""

import pathlib

from keras_explainer.command_line.command_error import UsageError
from keras_explainer.loading.load_keras_file import load_keras_file

_EXPECTED = "Argument --explainer should be a run folder or a saved explainer"


def find_explainer(path):
    """Returns the path of the `.keras` file that a file or a run folder stands for.

    Raises:
        UsageError: If there is none.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise UsageError(f"{_EXPECTED}. Received: {path}, which does not exist")
    if path.is_dir():
        path = path / "explainer.keras"
        if not path.is_file():
            raise UsageError(
                f"{_EXPECTED}. Received: {path.parent}, which holds no {path.name}"
            )
    return path


def load_explainer(path, safe_mode=True):
    """Loads an explainer, compiled as it was saved.

    Args:
        path: Path of a `.keras` file, or of a run folder.
        safe_mode: Boolean. Whether a file that holds code is refused.

    Raises:
        UsageError: If there is none.
    """
    # Importing any of the package imports all systems, which registers them with Keras.
    from keras_explainer.explainers.base_explainer import BaseExplainer

    path = find_explainer(path)
    explainer = load_keras_file(path, _EXPECTED, safe_mode=safe_mode)
    if not isinstance(explainer, BaseExplainer):
        raise UsageError(
            f"{_EXPECTED}; `keras-explainer train --classifier {path}` makes one. "
            f"Received: {path}, which holds '{explainer.name}', a plain model"
        )
    return explainer
