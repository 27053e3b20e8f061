"""From a path or a name to the explainer saved there."""

import pathlib

from keras_explainer.command_line.command_error import UsageError
from keras_explainer.loading.load_keras_file import load_keras_file
from keras_explainer.shipped_models import EXPLAINERS
from keras_explainer.shipped_models import shipped_explainer


def find_explainer(path, argument="--explainer"):
    """Returns the path of the `.keras` file that a file, a run or a name stands for.

    A file or run folder comes before an explainer of the package that is called so.

    Args:
        path: Path of a `.keras` file or of a run folder, or one of `EXPLAINERS`.
        argument: String. Name of the argument, for the error.

    Raises:
        UsageError: If there is none.
    """
    name, path = str(path), pathlib.Path(path)
    file = path / "explainer.keras" if path.is_dir() else path
    if file.is_file():
        return file
    shipped = shipped_explainer(name)
    if shipped is not None:
        return shipped
    reason = f"holds no {file.name}" if path.is_dir() else "does not exist"
    raise UsageError(
        f"{_expected(argument)}, or one that comes with the package: "
        f"{', '.join(EXPLAINERS)}. Received: {path}, which {reason}"
    )


def load_explainer(path, safe_mode=True, argument="--explainer"):
    """Loads an explainer, compiled as it was saved.

    Args:
        path: Path of a `.keras` file or of a run folder, or one of `EXPLAINERS`.
        safe_mode: Boolean. Whether a file that holds code is refused.
        argument: String. Name of the argument, for the error.

    Raises:
        UsageError: If there is none.
    """
    # Importing any of the package imports all systems, which registers them with Keras.
    from keras_explainer.explainers.base_explainer import BaseExplainer

    path = find_explainer(path, argument)
    expected = _expected(argument)
    explainer = load_keras_file(path, expected, safe_mode=safe_mode)
    if not isinstance(explainer, BaseExplainer):
        raise UsageError(
            f"{expected}; `keras-explainer train --classifier {path}` makes one. "
            f"Received: {path}, which holds '{explainer.name}', a plain model"
        )
    return explainer


def _expected(argument):
    return f"Argument {argument} should be a run folder or a saved explainer"
