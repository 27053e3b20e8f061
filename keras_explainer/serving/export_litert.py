"""Exporting an explainer for LiteRT, on phones and small devices."""

import pathlib
import tempfile

import tensorflow as tf

from keras_explainer.check_option import check_option
from keras_explainer.files.atomic_file import atomic_file
from keras_explainer.require_tensorflow import require_tensorflow
from keras_explainer.serving.make_signatures import make_signatures

_SIGNATURES = ("serving_default", "explain_class", "classify", "verify_mask")


def export_litert(
    explainer,
    path,
    *,
    top_k=3,
    mask_size=None,
    threshold=None,
    relevance=False,
    signatures=("serving_default",),
    batch_size=None,
):
    """Writes a LiteRT file.

    | signature | inputs | outputs |
    |---|---|---|
    | `serving_default` | `images` float32 (N, H, W, 3), RGB 0..255 | `probabilities` (N, C), `classes` int32 (N, k), `scores` (N, k), `masks` (N, h, w, k) |
    | `explain_class` | `images`, `targets` int32 (N,) | `masks` (N, h, w) |
    | `classify` | `images` | `probabilities` (N, C) |
    | `verify_mask` | `images`, `masks` (N, H, W) in [0, 1], `targets` | `kept_scores` and `removed_scores` (N,), the probabilities of `targets` from what masks keep and from what is left, as `explain(verify=True)` has them; `kept` and `removed`, both pictures (N, H, W, 3), RGB 0..255 |

    They consist of LiteRT's own operations alone, and have their weights in common.
    LiteRT decodes no files and has no strings, hence no class names and none of the
    other signatures of `export_saved_model`. What a classifier takes beside images,
    each takes too, by the names of its inputs.

    Args:
        explainer: A `BaseExplainer`.
        path: Path that ends in `.tflite`.
        top_k: int. How many of the most probable classes get a mask.
        mask_size: int, or a tuple of height and width, of the masks that are
            returned. Defaults to the decoder's grid.
        threshold: float between 0 and 1 that makes masks 0 and 1. Defaults to
            None, grey masks.
        relevance: Boolean. Whether to answer with `relevance` too, of the shape of
            `masks`.
        signatures: List of strings, those of the table to write. Defaults to the
            first.
        batch_size: int, N of every call, for runtimes that need to know it, such as
            LiteRT.js. Defaults to None, any number.

    Returns:
        `pathlib.Path` of the file.

    Raises:
        ValueError: If an argument is none of these, or the explainer's
            preprocessing is not known or does not run in a graph.
        FileExistsError: If the file exists.

    Example:

    ```python
    keras_explainer.serving.export_litert(explainer, "pets.tflite", top_k=1)
    ```

    Reference:
        https://ai.google.dev/edge/litert
    """  # noqa: E501
    require_tensorflow("A LiteRT file")
    path = pathlib.Path(path)
    if path.suffix != ".tflite":
        raise ValueError(f"Argument `path` should end in .tflite. Received: {path}")
    _check_free(path)
    _check_signatures(signatures)
    if batch_size is not None:
        check_option("batch_size", batch_size, 1, whole=True)
    functions = make_signatures(
        explainer,
        top_k=top_k,
        mask_size=mask_size,
        threshold=threshold,
        relevance=relevance,
        names=list(signatures),
        batch_size=batch_size,
    )
    content = _converted(explainer, functions)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)
        _check_free(path)
    return path


def _check_free(path):
    if path.exists():
        raise FileExistsError(
            f"Argument `path` should be a new file. Received: {path}, which exists"
        )


def _check_signatures(signatures):
    known = isinstance(signatures, (list, tuple)) and set(signatures) <= {*_SIGNATURES}
    if not known or not signatures:
        raise ValueError(
            f"Argument `signatures` should be a list of some of {list(_SIGNATURES)}. "
            f"Received: {signatures!r}"
        )


def _converted(explainer, functions):
    """Returns the content of a LiteRT file of concrete functions, by their names."""
    module = tf.Module()
    module.variables_of_the_explainer = [v.value for v in explainer.variables]
    with tempfile.TemporaryDirectory() as folder:
        numbers = {name: _of_numbers(f) for name, f in functions.items()}
        tf.saved_model.save(module, folder, numbers)
        # Converted from a folder, since only that keeps the names of the signatures.
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=list(functions)
        )
        return converter.convert()


def _of_numbers(function):
    """Returns the function without its outputs that are strings."""

    @tf.function(input_signature=function.structured_input_signature[0])
    def answer(*inputs):
        found = function(*inputs)
        return {n: value for n, value in found.items() if value.dtype != tf.string}

    return answer
