"""Loading TensorFlow without its start-up chatter."""

import contextlib
import logging
import os
import shutil
import sys
import tempfile
import warnings

from keras_explainer.command_line.console import working


def quiet_tensorflow():
    """Imports TensorFlow and Keras and keeps their notices off the screen.

    A `TF_CPP_MIN_LOG_LEVEL` that the user has set is respected, and nothing is
    hidden then. Warnings are shown on one line, without their source code.
    """
    warnings.showwarning = _show_warning
    # Keras reads it on import, and the explainers are written for TensorFlow.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    if "tensorflow" in sys.modules or "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    for name in ("absl", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # The first lines come from C++, before the level above is looked at.
    with working("Loading TensorFlow"), _hidden_stderr():
        import keras
        import tensorflow

    assert keras.backend.backend() == "tensorflow" and tensorflow


@contextlib.contextmanager
def _hidden_stderr():
    """Hides what is written to file descriptor 2, unless the block fails."""
    sys.stderr.flush()
    screen = os.dup(2)
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except Exception:
            hidden.seek(0)
            with open(screen, "wb", closefd=False) as file:
                shutil.copyfileobj(hidden, file)
            raise
        finally:
            os.dup2(screen, 2)
            os.close(screen)


def _show_warning(message, category, filename, lineno, file=None, line=None):
    text = " ".join(str(message).split())
    print(f"warning: {text}", file=file or sys.stderr)
