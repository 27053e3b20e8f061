"""The functions that an exported explainer answers to."""

import numbers

import tensorflow as tf

from keras_explainer.check_option import check_flag
from keras_explainer.check_option import check_option
from keras_explainer.image_operations.resize import resize_area
from keras_explainer.serving.decode_images import decode_images
from keras_explainer.serving.encode_masks import encode_masks
from keras_explainer.serving.encode_masks import make_masks
from keras_explainer.serving.served_inputs import checked_images
from keras_explainer.serving.served_inputs import checked_targets
from keras_explainer.verified_scores import both_parts
from keras_explainer.verified_scores import verified_scores

# Those of a SavedModel; "verify_mask" is for masks that a caller has made or changed.
SAVED_MODEL_SIGNATURES = (
    "serving_default",
    "explain_bytes",
    "explain_and_verify",
    "explain_bytes_and_verify",
    "explain_class",
    "classify",
)
_PYTHON_OPERATIONS = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}


def make_signatures(
    explainer,
    *,
    top_k=3,
    mask_size=None,
    threshold=None,
    relevance=False,
    names=SAVED_MODEL_SIGNATURES,
    batch_size=None,
):
    """Traces the served functions of an explainer, preprocessing included.

    Args:
        explainer: A `BaseExplainer`.
        top_k: int. How many of the most probable classes get a mask.
        mask_size: int, or a tuple of height and width, of the masks that are
            returned as numbers. Defaults to the decoder's grid.
        threshold: float between 0 and 1 that makes masks 0 and 1, or None.
        relevance: Boolean. Whether those that explain also answer with "relevance".
        names: List of strings, the functions to trace: "verify_mask", or of
            `SAVED_MODEL_SIGNATURES`, all of which are traced by default.
        batch_size: int, how many images there are in each call, or None if any number.

    Returns:
        Dict of concrete functions, by their names.

    Raises:
        ValueError: If an argument is none of these, or the preprocessing is not
            known or does not run in a graph.
    """
    check_option("top_k", top_k, 1, whole=True)
    top_k = min(int(top_k), explainer.frozen.num_classes)
    mask_size = _checked_mask_size(mask_size)
    threshold = _checked_threshold(threshold)
    check_flag("relevance", relevance)
    # What is wrong with the preprocessing is said here in one sentence, in a traced
    # function with its whole stack.
    _check_preprocessing(explainer)
    functions = _served_functions(
        explainer, top_k, mask_size, threshold, relevance, batch_size
    )
    signatures = {name: functions[name].get_concrete_function() for name in names}
    _check_portable(signatures[names[0]])
    return signatures


def _served_functions(explainer, top_k, mask_size, threshold, relevance, batch_size):
    """Returns the functions of all signatures, to be traced."""
    frozen = explainer.frozen
    specs = [
        _images_spec(explainer, batch_size),
        *_other_specs(explainer, batch_size),
    ]
    targets_spec = tf.TensorSpec((batch_size,), tf.int32, name="targets")

    # What several signatures call is traced once: it is in the file once.
    @tf.function
    def probabilities_of(images, *others):
        with frozen.given(others):
            return frozen.probabilities(frozen.logits(images))

    @tf.function(input_signature=specs)
    def read(images, *others):
        images = _preprocessed(explainer, checked_images(images))
        with frozen.given(others):
            found = explainer.classifier_outputs(images)
        return images, found, frozen.probabilities(found["logits"])

    def masks_of(images, found, classes):
        """Returns mask logits at the size of the images, and the maps to send."""
        cells = explainer.class_logits(images, found, classes)
        size = mask_size or cells.shape[1:3]
        logits = explainer.upsampled(cells, images) + explainer.fall(found, classes)
        maps = {"masks": make_masks(logits, size, threshold)}
        if relevance:
            order = explainer.relevance_cells(cells, found, classes)
            order = explainer.relevance(order, images)
            maps["relevance"] = resize_area(order, size)
        return logits, maps

    @tf.function(input_signature=specs)
    def explain(images, *others):
        images, found, probabilities = read(images, *others)
        scores, classes = tf.math.top_k(probabilities, top_k)
        logits, maps = masks_of(images, found, classes)
        answer = {
            "probabilities": probabilities,
            "classes": classes,
            "scores": scores,
            **maps,
            # A row for each image, as server-side batching and REST rows need it.
            "class_names": tf.gather(tf.constant(explainer.display_names), classes),
        }
        return answer, logits, images

    @tf.function(input_signature=[*specs, targets_spec])
    def explain_class(images, *others_and_targets):
        *others, targets = others_and_targets
        images, found, _ = read(images, *others)
        targets = checked_targets(targets, tf.shape(images)[0], frozen.num_classes)
        _, maps = masks_of(images, found, targets[:, None])
        return {name: values[..., 0] for name, values in maps.items()}

    @tf.function(input_signature=specs)
    def classify(images, *others):
        images = _preprocessed(explainer, checked_images(images))
        return {"probabilities": probabilities_of(images, *others)}

    verify = _verifying(explain, explainer, probabilities_of, specs)
    return {
        "serving_default": _of_images(explain, specs),
        "explain_bytes": _of_files(explain, specs, threshold),
        "explain_and_verify": _of_images(verify, specs),
        "explain_bytes_and_verify": _of_files(verify, specs, threshold),
        "explain_class": explain_class,
        "classify": classify,
        "verify_mask": _of_masks(explainer, probabilities_of, specs),
    }


def _verifying(explain, explainer, classify, specs):
    """Returns the function that answers as `explain` does, with the proof of masks."""

    @tf.function(input_signature=specs)
    def explain_and_verify(images, *others):
        answer, logits, images = explain(images, *others)
        # The masks of `explain`, whatever is made of them to be sent.
        masks, classes = tf.sigmoid(logits), answer["classes"]
        kept, removed = verified_scores(
            explainer, lambda x: classify(x, *others), images, masks, classes
        )
        return {**answer, "kept_scores": kept, "removed_scores": removed}, logits

    return explain_and_verify


def _of_masks(explainer, classify, specs):
    """Returns the function that verifies masks (N, H, W), and shows both parts."""
    masks_spec = tf.TensorSpec(specs[0].shape[:3], tf.float32, name="masks")
    targets_spec = tf.TensorSpec(specs[0].shape[:1], tf.int32, name="targets")

    @tf.function(input_signature=[*specs, masks_spec, targets_spec])
    def verify_mask(images, *others_and_rest):
        *others, masks, targets = others_and_rest
        images = _preprocessed(explainer, checked_images(images))
        count, num_classes = tf.shape(images)[0], explainer.frozen.num_classes
        targets = checked_targets(targets, count, num_classes)
        answer = {}
        for name, part in zip(
            ("kept", "removed"), both_parts(explainer, images, masks)
        ):
            scores = tf.gather(classify(part, *others), targets, axis=1, batch_dims=1)
            answer[f"{name}_scores"] = scores
            answer[name] = _in_colors(explainer.preprocessing.restore(part))
        return answer

    return verify_mask


def _in_colors(pictures):
    """Returns pictures (N, H, W, 1 or 3) as RGB within 0..255."""
    pictures = tf.clip_by_value(pictures, 0.0, 255.0)
    return tf.repeat(pictures, 3, axis=-1) if pictures.shape[-1] == 1 else pictures


def _of_images(explain, specs):
    """Returns the function that answers images as `explain` does."""

    @tf.function(input_signature=specs)
    def explain_images(images, *others):
        return explain(images, *others)[0]

    return explain_images


def _of_files(explain, specs, threshold):
    """Returns the function that answers JPEG and PNG files as `explain` does."""
    size = tuple(specs[0].shape[1:3])
    files_spec = tf.TensorSpec((None,), tf.string, "image_bytes")

    @tf.function(input_signature=[files_spec, *specs[1:]])
    def explain_files(image_bytes, *others):
        images, sizes = decode_images(image_bytes, size)
        answer, logits, *_ = explain(images, *others)
        # REST sends strings whose name ends in `_bytes` as base64, others as text.
        files = encode_masks(logits, sizes, threshold)
        return {**answer, "masks_png_bytes": files}

    return explain_files


def _other_specs(explainer, batch_size):
    """Returns what the classifier takes beside images, by the names of its inputs."""
    inputs = explainer.model_inputs
    return [
        tf.TensorSpec((batch_size, *spec.shape[1:]), spec.dtype, name)
        for spec, name in zip(inputs.specs, inputs.other_names)
    ]


def _images_spec(explainer, batch_size=None):
    height, width = explainer.frozen.image_shape[:2]
    return tf.TensorSpec((batch_size, height, width, 3), tf.float32, name="images")


def _preprocessed(explainer, images):
    images = tf.convert_to_tensor(explainer.preprocessing(images))
    return tf.cast(images, tf.float32)


def _check_preprocessing(explainer):
    images_spec = _images_spec(explainer)

    def preprocessed(images):
        return _preprocessed(explainer, images)

    sides = [side or 64 for side in images_spec.shape[1:3]]
    try:
        shape = preprocessed(tf.zeros((1, *sides, 3))).shape
        tf.function(preprocessed).get_concrete_function(images_spec)
    # What a function of NumPy arrays makes of a tensor without values. Mistakes with
    # values were shown as they are when the explainer was built.
    except (NotImplementedError, TypeError, AttributeError) as error:
        kind = type(error).__name__
        raise _not_portable(f"a function that raises {kind} in a graph") from error
    channels = explainer.frozen.image_shape[-1]
    if shape[-1] != channels:
        raise ValueError(
            f"Argument `preprocess_input` should return images of {channels} channels, "
            f"which the classifier takes. Received: shape {tuple(shape)}"
        )


def _check_portable(function):
    graph = function.graph.as_graph_def()
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    if _PYTHON_OPERATIONS & {node.op for node in nodes}:
        raise _not_portable("a function that runs Python code")


def _not_portable(received):
    return ValueError(
        "Argument `preprocess_input` should be a function of TensorFlow or Keras "
        f"operations, to run in a served graph. Received: {received}"
    )


def _checked_mask_size(mask_size):
    if mask_size is None:
        return None
    size = mask_size if isinstance(mask_size, (tuple, list)) else [mask_size] * 2
    whole = all(isinstance(side, numbers.Integral) and side > 0 for side in size)
    if len(size) != 2 or not whole:
        raise ValueError(
            "Argument `mask_size` should be a whole number of pixels, a height and a "
            f"width, or None for the decoder's grid. Received: {mask_size!r}"
        )
    return tuple(int(side) for side in size)


def _checked_threshold(threshold):
    if threshold is not None and not 0 < threshold < 1:
        raise ValueError(
            "Argument `threshold` should be a number between 0 and 1, or None to keep "
            f"grey masks. Received: {threshold!r}"
        )
    return threshold
