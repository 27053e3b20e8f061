"""From the arguments of `train` to an explainer that is still to be trained."""

from keras_explainer.command_line.command_error import UsageError
from keras_explainer.command_line.loading_arguments import loading_options
from keras_explainer.command_line.preprocessing_arguments import preprocessing_of
from keras_explainer.loading.loss_options import compile_with

# Name of a method: its class in `keras_explainer.explainers`.
METHODS = {
    "explainer": "ExplainerModel",
    "discrete_mask": "DiscreteMaskExplainer",
    "bounded_logit_attention": "BoundedLogitAttentionExplainer",
    "real_time_saliency": "RealTimeSaliencyExplainer",
    "l2x": "L2XExplainer",
}
_MULTI_LABEL = {"auto": "auto", "true": True, "false": False}


def new_explainer(args):
    """Returns the explainer that the arguments of `train` ask for.

    Args:
        args: Namespace with `method`, `classifier`, `multi_label`, `class_names`,
            `loss`, and what says how to load the classifier, its preprocessing and its
            data.

    Raises:
        UsageError: If the preprocessing is not recognised, the classifier takes no
            colour images, or there are other class names than it has classes.
    """
    from keras_explainer import explainers
    from keras_explainer.loading.load_classifier import load_classifier

    explainer = getattr(explainers, METHODS[args.method])(
        load_classifier(args.classifier, **loading_options(args)),
        preprocess_input=preprocessing_of(args),
        multi_label=_MULTI_LABEL[args.multi_label],
    )
    _check_input(args, explainer)
    names = _class_names(args, explainer)
    if names:
        explainer.class_names = names
    if args.loss:
        compile_with(explainer, args.loss)
    return explainer


def _check_input(args, explainer):
    import numpy as np

    if explainer.preprocessing.function is None:
        raise UsageError(
            "Argument --preprocess-input should say what the classifier takes, such as "
            "0..1, -1..1, identity (pixels from 0 to 255) or mobilenet_v2, since that "
            f"was not recognised{explainer.preprocessing.unknown_reason}. Received: "
            "nothing"
        )
    # Is it made for this classifier?
    found = explainer.preprocessing(np.zeros((1, 8, 8, 3), "float32")).shape[-1]
    channels = explainer.frozen.input_shape[-1]
    if found != channels:
        raise UsageError(
            "Argument --classifier should take grey, RGB or RGBA images; put layers "
            "before it that make its input of RGB. Received: "
            f"{args.classifier}, which takes {channels} channels"
        )


def _class_names(args, explainer):
    """Returns the names that are given, those of the data, or ImageNet's; or None."""
    from keras_explainer.classifiers.imagenet_classes import IMAGENET_CLASSES
    from keras_explainer.loading.class_names import read_class_names
    from keras_explainer.loading.data_sources import data_source
    from keras_explainer.loading.load_classifier import is_path

    num_classes = explainer.frozen.num_classes
    if args.class_names:
        is_binary = explainer.frozen.head.is_binary
        return read_class_names(args.class_names, num_classes, is_binary)
    names = data_source(args).class_names
    if len(names) == num_classes:
        return names
    if num_classes == 1000 and not is_path(args.classifier):
        return IMAGENET_CLASSES
    return None
