"""What `keras.applications` expects of images, and which of its networks one is."""

import importlib

import keras

# A layer name that only this family of `keras.applications` has, in order.
_SIGNATURES = (
    ("mobilenet", "conv_dw_13"),
    ("mobilenet_v2", "block_1_expand"),
    ("inception_resnet_v2", "conv_7b"),
    ("inception_v3", "mixed7"),
    ("resnet_v2", "conv2_block1_preact_bn"),
    ("densenet", "conv2_block1_concat"),
    ("resnet", "conv2_block1_add"),
    ("xception", "block1_conv1_bn"),
    ("vgg16", "block5_conv3"),
    ("nasnet", "stem_bn1"),
)


def recognise_application(graph):
    """Names the application that a classifier is made of, from its layers.

    Whether it still takes what the application did, the names do not tell.

    Args:
        graph: `LayerGraph`.

    Returns:
        Name of a `keras.applications` module, or None.
    """
    names = {call.operation.name for call in graph.calls}
    return next((app for app, layer in _SIGNATURES if layer in names), None)


def application_preprocessing(name):
    """Returns the function `preprocess_input` of an application.

    Args:
        name: String. Name of a `keras.applications` module.

    Raises:
        ValueError: If there is no such module.
    """
    try:
        module = importlib.import_module(f"keras.applications.{name}")
        return module.preprocess_input
    except (ImportError, AttributeError, TypeError):
        raise ValueError(
            "Argument `preprocess_input` should be a callable, the name of a "
            '`keras.applications` module, a range of values such as "0..1" or "-1..1", '
            f'"identity" (raw pixels), or "auto". Received: {name!r}'
        ) from None


def application_name(function):
    """Returns the name by which a function of an application is found, or None.

    Those functions are not registered; by its name one is found again when a model
    is loaded.
    """
    name = str(getattr(function, "__module__", "")).rpartition(".")[2]
    module = getattr(keras.applications, name, None)
    is_known = getattr(module, "preprocess_input", None) is function
    return name if is_known and function is not None else None
