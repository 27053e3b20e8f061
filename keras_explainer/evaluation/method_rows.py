"""The rows of the comparison by name: methods, constants and the true mask."""

import difflib
import typing

from keras_explainer import attribution
from keras_explainer.evaluation.mask_sources import ConstantMasks
from keras_explainer.evaluation.mask_sources import ExplainerMasks
from keras_explainer.evaluation.mask_sources import MethodMasks
from keras_explainer.evaluation.mask_sources import RandomAreaMasks
from keras_explainer.evaluation.mask_sources import RandomMasks
from keras_explainer.evaluation.mask_sources import TrueMasks

_REFINE_STEPS = 10


class MethodRow(typing.NamedTuple):
    """A row of the comparison.

    Args:
        label: String, as tables and figures have it.
        build: Function from (explainer, protocol, seed) to a `MaskSource`.
        kind: "method", or "control" for constants, the random and the true mask.
        is_slow: Boolean. Whether a map costs thousands of classifier passes.
        all_classes: Boolean. Whether the masks of absent classes are affordable.
    """

    label: str
    build: typing.Callable
    kind: str = "method"
    is_slow: bool = False
    all_classes: bool = True


def _without_options(name):
    def build(explainer, protocol, seed):
        method = getattr(attribution, name)
        return MethodMasks(
            method(explainer.classifier, explainer.frozen.head),
            shares_passes=False,
        )

    return build


def _grad_cam(explainer, protocol, seed):
    method = attribution.GradCAM(explainer.classifier, explainer.frozen.head)
    return MethodMasks(
        method, shares_passes=False, empties_merged=protocol.published_methods
    )


def _smooth_grad(explainer, protocol, seed):
    method = attribution.SmoothGrad(
        explainer.classifier, explainer.frozen.head, seed=seed
    )
    return MethodMasks(method, shares_passes=False)


def _rise(explainer, protocol, seed):
    published = protocol.published_methods
    make = attribution.RISE.torchray if published else attribution.RISE
    method = make(explainer.classifier, explainer.frozen.head, seed=seed)
    return MethodMasks(method, shares_passes=True)


def _extremal_perturbation(explainer, protocol, seed):
    method = attribution.ExtremalPerturbation(
        explainer.classifier,
        explainer.frozen.head,
        contrastive=protocol.published_methods,
    )
    stretch = "merged" if protocol.published_methods else None
    return MethodMasks(method, shares_passes=False, stretch=stretch)


def _igos_plus_plus(explainer, protocol, seed):
    method = attribution.IGOSPlusPlus(
        explainer.classifier, explainer.frozen.head, seed=seed
    )
    stretch = "class" if protocol.published_methods else None
    return MethodMasks(method, shares_passes=False, stretch=stretch)


def _constant(value):
    return lambda explainer, protocol, seed: ConstantMasks(value)


METHOD_ROWS = {
    "explainer": MethodRow(
        "Explainer", lambda explainer, *_: ExplainerMasks(explainer)
    ),
    "explainer_refined": MethodRow(
        "Explainer, refined",
        lambda explainer, *_: ExplainerMasks(explainer, _REFINE_STEPS),
    ),
    "grad_cam": MethodRow("Grad-CAM", _grad_cam),
    "guided_backprop": MethodRow("Guided backprop", _without_options("GuidedBackprop")),
    "integrated_gradients": MethodRow(
        "Integrated gradients", _without_options("IntegratedGradients")
    ),
    "smooth_grad": MethodRow("SmoothGrad", _smooth_grad),
    "attention_rollout": MethodRow(
        "Attention rollout", _without_options("AttentionRollout")
    ),
    "attention_relevance": MethodRow(
        "Attention relevance", _without_options("AttentionRelevance")
    ),
    "rise": MethodRow("RISE", _rise, is_slow=True),
    "extremal_perturbation": MethodRow(
        "Extremal perturbation",
        _extremal_perturbation,
        is_slow=True,
        all_classes=False,
    ),
    "igos_plus_plus": MethodRow(
        "iGOS++", _igos_plus_plus, is_slow=True, all_classes=False
    ),
    "zero": MethodRow("all 0", _constant(0.0), "control"),
    "half": MethodRow("all 0.5", _constant(0.5), "control"),
    "one": MethodRow("all 1", _constant(1.0), "control"),
    "random": MethodRow(
        "random", lambda explainer, protocol, seed: RandomMasks(seed), "control"
    ),
    "random_area": MethodRow(
        "random, equal area",
        lambda explainer, protocol, seed: RandomAreaMasks(
            ExplainerMasks(explainer), seed
        ),
        "control",
    ),
    "ideal": MethodRow(
        "true mask", lambda explainer, protocol, seed: TrueMasks(protocol), "control"
    ),
}


def check_methods(names):
    """Raises a ValueError if a name is not in `METHOD_ROWS`, or is there twice.

    Example:

    >>> check_methods(["explainer", "grad_cam"])
    """
    unknown = [name for name in names if name not in METHOD_ROWS]
    if unknown:
        near = difflib.get_close_matches(unknown[0], METHOD_ROWS, n=1)
        hint = f" (such as {near[0]})" if near else ""
        raise ValueError(
            "Argument `methods` should be names out of "
            f"{', '.join(METHOD_ROWS)}{hint}. Received: {unknown[0]}"
        )
    if not names or len(set(names)) < len(names):
        raise ValueError(
            "Argument `methods` should hold at least one name, and none twice. "
            f"Received: {','.join(names) or 'none'}"
        )
