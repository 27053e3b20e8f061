"""Loading an explainer in Python, by the names that the command line takes."""

from keras_explainer.command_line.command_error import UsageError
from keras_explainer.loading.load_explainer import load_explainer


def load(name_or_path, safe_mode=True):
    """Loads an explainer: one that comes with the package, or one of your own.

    Args:
        name_or_path: String or path. "imagenet" (its file: "mobilenet_v2_imagenet"),
            which explains what MobileNetV2 sees in photographs, as one of ImageNet's
            1000 classes; "shapes" ("shapes_explainer"), which explains drawn shapes
            (`keras_explainer.datasets.shapes`); or the path of a `.keras` file or of
            a run folder, which comes first if it is called as one of these.
        safe_mode: Boolean. Whether a file that holds code is refused. Defaults to
            True.

    Returns:
        An explainer, such as `ExplainerModel`, compiled as it was saved.

    Raises:
        ValueError: If there is no such explainer.

    Example:

    >>> explainer = kx.load("imagenet")
    >>> explainer.class_names[281:284]
    ['tabby', 'tiger_cat', 'Persian_cat']
    """
    try:
        return load_explainer(name_or_path, safe_mode, "`name_or_path`")
    except UsageError as error:
        raise ValueError(str(error)) from error
