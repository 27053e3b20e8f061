"""What keeps a model from being read as a graph, and the line that mends it."""

import keras


def no_graph_problem(model):
    """Says why a model has no graph of layers to read.

    Args:
        model: What was given as a classifier.

    Returns:
        The sentence, a string.
    """
    kind, name = type(model), getattr(model, "name", None)
    found = f"{kind.__name__} '{name}'" if name else kind.__name__
    expected = "Argument `classifier` should be a functional or Sequential Keras model"
    if kind.__module__.partition(".")[0] in ("tf_keras", "keras_core"):
        old = "Keras 2" if kind.__module__.startswith("tf_keras") else "Keras Core"
        return (
            f"{expected} of Keras 3; save this one by `model.save('model.h5')` and "
            "load it by `keras.saving.load_model('model.h5')`, or build it anew. "
            f"Received: a model of {old}, {found}"
        )
    if isinstance(model, keras.Sequential):
        return (
            f"{expected} that is built; call it once on a batch, or give it a "
            f"`keras.Input` as its first layer. Received: {found}, which is not built"
        )
    if isinstance(model, keras.Model) and not model.built:
        return (
            f"{expected}, or a subclassed one that is built; call it once on a batch "
            f"of images. Received: {found}, which is not built"
        )
    if isinstance(model, keras.Model):
        return (
            f"{expected}, or a subclassed one of which `inputs = keras.Input((224, 224,"
            " 3))`, with the shape of its images, and `keras.Model(inputs, "
            "model.call(inputs))` make one of the same scores; else "
            "`keras_explainer.attribution.RISE`, `IntegratedGradients`, `SmoothGrad` "
            f"and `ExtremalPerturbation` explain it. Received: {found}, of which it "
            "does not"
        )
    if isinstance(model, keras.layers.Layer):
        return (
            f"{expected}; of a layer, only answers and gradients can be read, as "
            "`keras_explainer.attribution.RISE`, `IntegratedGradients`, `SmoothGrad` "
            f"and `ExtremalPerturbation` do. Received: the layer {found}"
        )
    if callable(model):
        return (
            f"{expected}; of a function, only answers and gradients can be read, as "
            "`keras_explainer.attribution.RISE`, `IntegratedGradients`, `SmoothGrad` "
            f"and `ExtremalPerturbation` do. Received: {found}"
        )
    return f"{expected}. Received: {kind.__name__} {model!r:.60}"


def several_outputs_problem(model):
    """Says what to do about several outputs.

    Args:
        model: `keras.Model`, a functional one.

    Returns:
        The sentence, a string.
    """
    if hasattr(model, "frozen"):
        return (
            "Argument `classifier` should be a classifier; that of an explainer is "
            f"`explainer.classifier`. Received: the explainer '{model.name}'"
        )
    tensors = model.outputs
    found = ", ".join(f"'{t.name}' {_shape(t.shape)}" for t in tensors)
    return (
        "Argument `classifier` should have one output; choose the one to explain, "
        "of class scores, by `ExplainerModel(model, output=0)` or "
        "`keras.Model(model.inputs, model.outputs[0])`. Received: "
        f"'{model.name}' with {len(tensors)} outputs, {found}"
    )


def layout_problem(graph):
    """Says what is wrong with the order of axes in a classifier, or None.

    Args:
        graph: `LayerGraph`.
    """
    for call in graph.calls:
        if getattr(call.operation, "data_format", None) == "channels_first":
            return (
                "Argument `classifier` should be built with "
                'data_format="channels_last", so that images and feature maps are (N, '
                f"H, W, channels). Received: layer '{call.operation.name}' with "
                'data_format="channels_first"'
            )
    shape = graph.shape(graph.input)[1:]
    if None not in shape and shape[0] <= 4 < shape[2]:
        turned = (*shape[1:], shape[0])
        return (
            "Argument `classifier` should take images of shape (N, H, W, channels); "
            f"this one does as `images = keras.Input({turned}); keras.Model(images, "
            "model(keras.layers.Permute((3, 1, 2))(images)))`. Received: input shape "
            f"{_shape((None, *shape))}, with channels first"
        )
    return None


def _shape(shape):
    return str(tuple(shape))
