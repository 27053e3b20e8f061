"""Loading a `.keras` file that somebody else may have written."""

from keras_explainer.commands.command_error import UsageError

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
        reason = " ".join(str(error).split())
        raise UsageError(f"{received} Keras cannot load ({reason})") from error
