"""Loading a `.keras` file that somebody else may have written."""

from keras_explainer.commands.command_error import UsageError


def load_keras_file(path, expected, **options):
    """Loads a model.

    Args:
        path: `pathlib.Path` of a file.
        expected: String, the beginning of the sentence if it cannot be loaded.
        **options: Those of `keras.saving.load_model`.

    Raises:
        UsageError: If Keras cannot load the file, or it is of a format in which it may
            run code of whoever wrote it: several versions of Keras read `.h5` files
            without their `safe_mode`.
    """
    import keras

    received = f"{expected}. Received: {path}, which"
    if path.suffix in (".h5", ".hdf5"):
        raise UsageError(
            f"{received} can run code as it is loaded; if you trust it, write it anew: "
            f"keras.saving.load_model({str(path)!r}, compile=False).save("
            f"{path.with_suffix('.keras').name!r})"
        )
    try:
        return keras.saving.load_model(path, **options)
    # Foreign files make the loader raise nearly anything.
    except Exception as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{received} Keras cannot load ({reason})") from error
