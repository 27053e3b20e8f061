"""Exporting an explainer for LiteRT, on phones and small devices."""

import pathlib
import tempfile

import tensorflow as tf

from keras_explainer.files.atomic_file import atomic_file
from keras_explainer.serving.make_signatures import make_signatures


def export_litert(
    explainer, path, *, top_k=3, mask_size=None, threshold=None, relevance=False
):
    """Writes a LiteRT file with the signature `serving_default`.

    It takes `images`, float32 (N, H, W, 3), RGB 0..255, and returns `probabilities`
    (N, C), `classes` int32 (N, k), `scores` (N, k) and `masks` (N, h, w, k), by
    LiteRT's own operations alone. LiteRT decodes no files and has no strings, hence
    no class names and none of the other signatures of `export_saved_model`. Nor are
    masks verified there.

    Args:
        explainer: A `BaseExplainer`.
        path: Path that ends in `.tflite`.
        top_k: int. How many of the most probable classes get a mask.
        mask_size: int, or a tuple of height and width, of the masks. Defaults to
            the decoder's grid.
        threshold: float between 0 and 1 that makes masks 0 and 1. Defaults to
            None, grey masks.
        relevance: Boolean. Whether to answer with `relevance` (N, h, w, k) too.

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
    """
    path = pathlib.Path(path)
    if path.suffix != ".tflite":
        raise ValueError(f"Argument `path` should end in .tflite. Received: {path}")
    _check_free(path)
    signatures = make_signatures(
        explainer,
        top_k=top_k,
        mask_size=mask_size,
        threshold=threshold,
        relevance=relevance,
    )
    explain = signatures["serving_default"]

    @tf.function(input_signature=explain.structured_input_signature[0])
    def serving_default(images):
        answer = explain(images=images)
        return {name: value for name, value in answer.items() if name != "class_names"}

    module = tf.Module()
    module.variables_of_the_explainer = [v.value for v in explainer.variables]
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, {"serving_default": serving_default})
        # Converted from a folder, since only that keeps the names of the signature.
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=["serving_default"]
        )
        content = converter.convert()
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
