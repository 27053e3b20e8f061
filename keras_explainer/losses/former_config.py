"""Reads how explainers of earlier versions were compiled, from their files."""

import math

# What configurations tell since weights mean something else: the smoothness is in sides
# of the image, where it was a mean over pairs of cells; the classification is what a
# label costs, where it was a mean over independent classes.
OF_NOW = {"smoothness_in_sides": True, "classification_per_label": True}
# Whether it is in nats, not in units of what a label costs on the background alone.
IN_NATS = "classification_in_nats"
# Pairs of cells along a side of the masks of photographs of 224 pixels.
_PAIRS = 13
# What the loss said of what a step draws and fills, and what `ExplainerModel.compile`
# calls it now.
_DRAWS = {
    "alone": "single_label",
    "degraded": "augmentation",
    "inpaint": "inpainting",
}
_GONE = ("min_area", "max_area", "rest_weight", *_DRAWS)


def compile_config_of_now(config, grid, num_classes, multi_label):
    """Returns what an `ExplainerModel` of any version was compiled with as it is now.

    Args:
        config: Dict, as `get_compile_config` gave it.
        grid: Tuple of the height and width of its masks in cells, None where unknown.
        num_classes: int. Number of classes of its classifier.
        multi_label: Boolean. Whether they are independent.
    """
    loss = config.get("loss") or {}
    options = loss.get("config") or {}
    drawn = {new: options[old] for old, new in _DRAWS.items() if old in options}
    if "smoothness_weight" in options:  # an `ExplainerLoss`, and no function
        options = loss_config_of_now(options, grid, num_classes, multi_label)
        config = {**config, "loss": {**loss, "config": options}}
    # Composites and crops are new.
    return {"composites": 0.0, "crops": 0.0, **drawn, **config}


def loss_config_of_now(config, grid=(None, None), num_classes=1, multi_label=True):
    """Returns a configuration of an `ExplainerLoss` of any version as it is now.

    Args:
        config: Dict, as `get_config` gave it.
        grid: Tuple of the height and width in cells of the masks that it was saved
            with, None where unknown: then the weight of the smoothness is taken for
            one of 14 cells a side.
        num_classes: int. Number of classes of its classifier.
        multi_label: Boolean. Whether they are independent.
    """
    smoothness_in_sides, per_label = (config.get(name) for name in OF_NOW)
    ends = config.get("min_area"), config.get("max_area")
    config = {key: value for key, value in config.items() if key not in _GONE}
    if None not in ends and config.get("area_weight"):
        config["area_band"] = ends
    # The authors' form is a mean over pixels now as then.
    is_theirs = config.get("published_forms") and not config.get("edge_aware")
    if not smoothness_in_sides and not is_theirs:
        pairs = [max(side - 1, 1) if side else _PAIRS for side in grid]
        former = config.get("smoothness_weight", 0.5)
        config["smoothness_weight"] = former / math.sqrt(math.prod(pairs))
    if not per_label and not config.get("published_forms"):
        # Exact for images with one label.
        former = config.get("classification_weight", 1.0)
        former = former / num_classes if multi_label else former
        config["classification_weight"] = former
    # Earlier versions had no such term, and no such unit.
    config.setdefault("contrast_weight", 0.0)
    config.setdefault(IN_NATS, True)
    if config.get("entropy_weight") == "auto":
        config["entropy_weight"] = 0.0 if multi_label else 1.0
    return {**config, **OF_NOW}
