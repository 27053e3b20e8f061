"""Exporting an explainer for TensorFlow Serving."""

import os
import pathlib

import numpy as np
import tensorflow as tf

from keras_explainer.files.atomic_folder import atomic_folder
from keras_explainer.require_tensorflow import require_tensorflow
from keras_explainer.serving.make_signatures import make_signatures
from keras_explainer.serving.warm_up import WARM_UP_FILE
from keras_explainer.serving.warm_up import warm_up_requests
from keras_explainer.serving.warm_up import write_warm_up

# How far a reloaded answer may be from the explainer's own.
_TOLERANCE = 1e-4


def export_saved_model(
    explainer,
    path,
    *,
    top_k=3,
    mask_size=None,
    threshold=None,
    relevance=False,
    max_batch_size=8,
):
    """Writes a SavedModel that a stock `tensorflow_model_server` serves.

    | signature | inputs | outputs |
    |---|---|---|
    | `serving_default` | `images` float32 (N, H, W, 3), RGB 0..255 | `probabilities` (N, C), `classes` int32 (N, k), `scores` (N, k), `masks` (N, h, w, k), `class_names` string (N, k) |
    | `explain_bytes` | `image_bytes` string (N,), JPEG or PNG files | the same, and `masks_png_bytes` string (N, k), grey, each at the size of its image |
    | `explain_and_verify` | `images` | what `serving_default` answers, and `kept_scores`, `removed_scores` (N, k): the probabilities of `classes` from their masks alone, and without them |
    | `explain_bytes_and_verify` | `image_bytes` | what `explain_bytes` answers, and the same |
    | `explain_class` | `images`, `targets` int32 (N,) | `masks` (N, h, w) |
    | `classify` | `images` | `probabilities` (N, C) |

    Where the classifier has several inputs, those beside the images go with each
    signature, by their own names. What is verified are the masks of `explain`, grey and at the size of the images,
    before `mask_size` and `threshold`: two passes of the classifier for each.
    Preprocessing is in the graph; nothing of this package is needed to load it. The
    folder also has warm-up requests for each signature but the two that verify, which
    would double a server's start, and for each set of outputs that `Client` asks for;
    they are answered before the folder gets its name. It has `batching_params.pbtxt`.

    Args:
        explainer: A `BaseExplainer`.
        path: Path of the version folder, such as "saved_models/pets/1".
        top_k: int. How many of the most probable classes get a mask.
        mask_size: int, or a tuple of height and width, of the masks that are
            returned as numbers. Defaults to the decoder's grid.
        threshold: float between 0 and 1 that makes masks 0 and 1. Defaults to
            None, grey masks.
        relevance: Boolean. Whether each signature with `masks` also answers with
            "relevance", of their shape: the order in which pixels matter, as numbers.
        max_batch_size: int. Images that a server started with batching puts together
            at most, and takes in one request; then a bad request fails all those
            that it was put together with.

    Returns:
        `pathlib.Path` of the version folder.

    Raises:
        ValueError: If an argument is none of these, or the explainer's
            preprocessing is not known or does not run in a graph.
        FileExistsError: If the version exists.

    Example:

    ```python
    keras_explainer.serving.export_saved_model(explainer, "saved_models/pets/1")
    ```

    Reference:
        https://www.tensorflow.org/tfx/serving/serving_basic
    """  # noqa: E501
    require_tensorflow("A SavedModel")
    path = pathlib.Path(os.path.abspath(path))
    _check_version(path)
    if not isinstance(max_batch_size, int) or max_batch_size < 1:
        raise ValueError(
            "Argument `max_batch_size` should be a whole number from 1. "
            f"Received: {max_batch_size!r}"
        )
    signatures = make_signatures(
        explainer,
        top_k=top_k,
        mask_size=mask_size,
        threshold=threshold,
        relevance=relevance,
    )
    batch_sizes = _batch_sizes(max_batch_size)
    image_size = explainer.frozen.image_shape[:2]
    requests = warm_up_requests(image_size, batch_sizes, signatures)
    # A server that polls the folder above takes only whole numbers for versions.
    with atomic_folder(path) as temporary:
        module = tf.Module()
        module.variables_of_the_explainer = [v.value for v in explainer.variables]
        tf.saved_model.save(module, str(temporary), signatures=signatures)
        write_warm_up(requests, temporary / WARM_UP_FILE)
        (temporary / "batching_params.pbtxt").write_text(_batching(batch_sizes))
        _replay(requests, temporary, signatures)
        _check_free(path)
    return path


def _check_version(path):
    if not (path.name.isascii() and path.name.isdecimal()):
        raise ValueError(
            "Argument `path` should end in a version, a whole number, such as "
            f"{path / '1'}. Received: {path}"
        )
    _check_free(path)


def _check_free(path):
    if path.exists():
        versions = [int(p.name) for p in path.parent.iterdir() if p.name.isdecimal()]
        raise FileExistsError(
            "Argument `path` should be a new version, such as "
            f"{path.with_name(str(max(versions) + 1))}. Received: {path}, which exists"
        )


def _batch_sizes(largest):
    """Returns the powers of two up to a size, and that size."""
    smaller = (2**i for i in range(largest.bit_length()))
    return sorted({largest, *(size for size in smaller if size < largest)})


def _batching(batch_sizes):
    # A server pads a batch to an allowed size, so that it only runs sizes that are
    # warm; it waits 2 ms for others to join, a small part of what an answer takes.
    allowed = "\n".join(f"allowed_batch_sizes: {size}" for size in batch_sizes)
    return (
        f"max_batch_size {{ value: {batch_sizes[-1]} }}\n{allowed}\n"
        "batch_timeout_micros { value: 2000 }\n"
        "max_enqueued_batches { value: 64 }\n"
    )


def _replay(requests, folder, signatures):
    """Answers the warm-up requests with what was written, as a server will."""
    loaded = tf.saved_model.load(str(folder))
    for signature, inputs, outputs in requests:
        if outputs:
            continue  # Some of the outputs that are answered anyway.
        inputs = {name: tf.constant(values) for name, values in inputs.items()}
        answer = loaded.signatures[signature](**inputs)
        for name, expected in signatures[signature](**inputs).items():
            if not _agree(signature, name, answer[name].numpy(), expected.numpy()):
                raise RuntimeError(
                    f"The exported signature {signature} should answer as the "
                    f"explainer does. Received: another `{name}`"
                )


def _agree(signature, name, answer, expected):
    if answer.shape != expected.shape:
        return False
    if answer.dtype == object:
        return all(answer.flat)
    close = np.isclose(answer, expected, atol=_TOLERANCE)
    if name in ("probabilities", "scores"):
        return close.all()
    if signature == "explain_class":
        # A pixel at the threshold may fall on either side of it.
        return close.mean() > 0.99
    # Classes that are equally probable may change places, with their masks.
    return np.isfinite(answer).all()
