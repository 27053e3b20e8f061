"""What fails inside a run of Keras, told in the one sentence that it is about."""

import ast
import contextlib
import re
import warnings

from keras_explainer import backend
from keras_explainer.inputs.images import check_image_shape

# What TensorFlow says of images whose size is known in the step only.
_OTHER_SHAPE = re.compile(r"(\[[\d,]*\]) is not compatible with expected shape")


@contextlib.contextmanager
def told_in_a_sentence(explainer, checks=()):
    """Runs steps of an explainer, and raises what users can do something about.

    Args:
        explainer: The `ExplainerTrainer` whose steps are run.
        checks: What watches over data as they come, with a `failure` or None each.

    Raises:
        ValueError: If the data failed, or have images of another shape.
        RuntimeError: If another worker of the strategy is gone.
    """
    try:
        with warnings.catch_warnings():
            # Keras takes a dataset whose size is known only at its end, such as
            # files of which some may be broken, for a mistake.
            warnings.filterwarnings("ignore", "Your input ran out of data")
            # Batches that come as they come cannot be shuffled, which is no news.
            warnings.filterwarnings("ignore", "`shuffle=True` was passed")
            yield
    except backend.STEP_ERRORS as error:
        for failure in (check.failure for check in checks):
            if failure is not None:
                raise failure from None
        if isinstance(error, backend.LOST_WORKER) and backend.in_several_processes(
            explainer
        ):
            raise RuntimeError(
                "Training should go on with all its workers; start them all again, "
                "and a `keras.callbacks.BackupAndRestore` given to `fit` goes on "
                "from its last backup. Received: a worker is gone "
                f"({type(error).__name__})"
            ) from error
        found = _OTHER_SHAPE.search(str(error))
        if found is None:
            raise
        shape = ast.literal_eval(found.group(1))
        check_image_shape(shape, explainer.frozen.input_shape)
