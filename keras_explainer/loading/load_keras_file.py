"""Loading a `.keras` file that somebody else may have written."""

import re

from keras_explainer.command_line.command_error import UsageError

# Several versions of Keras read these without their `safe_mode`.
UNSAFE_SUFFIXES = (".h5", ".hdf5")


def load_keras_file(path, expected, **options):
    """Loads a model.

    Args:
        path: `pathlib.Path` of a file.
        expected: String, the beginning of the sentence if it cannot be loaded.
        **options: Those of `keras.saving.load_model`.

    Raises:
        UsageError: If Keras cannot load the file, or it is of a format in which it may
            run code of whoever wrote it.
    """
    import keras

    received = f"{expected}. Received: {path}, which"
    if path.suffix.lower() in UNSAFE_SUFFIXES:
        raise UsageError(
            f"{received} can run code as it is loaded; if you trust it, write it anew: "
            f"keras.saving.load_model({str(path)!r}, compile=False).save("
            f"{str(path.with_suffix('.keras'))!r})"
        )
    try:
        return keras.saving.load_model(path, **options)
    # Foreign files make the loader raise nearly anything.
    except Exception as error:
        raise UsageError(f"{received} Keras cannot load ({_reason(error)})") from error


def _reason(error):
    """Returns what Keras says, without the configuration that it shows with it."""
    text = " ".join(str(error).split())
    unknown = re.search(r"ould not locate (?:class|function) '([^']+)'", text)
    if unknown:
        return f"it needs {unknown[1]}, of its author's own: --import MODULE"
    if "safe_mode" in text or "safe mode" in text or "unsafe" in text:
        return "it holds code, such as a lambda: --safe-mode false if you trust it"
    sentence = re.split(r"(?<=[^.][.!?])\s|[{\[]", text, maxsplit=1)[0]
    sentence = sentence.strip().rstrip(".:")
    return f"{sentence[:200]} ..." if len(sentence) > 200 else sentence
