"""The sanity check of Adebayo et al.: do maps depend on the classifier's weights?"""

import keras
import numpy as np

from keras_explainer.drawn_seed import drawn_seed
from keras_explainer.metrics.map_similarity import spearman
from keras_explainer.metrics.map_similarity import structural_similarity


def model_randomization(classifier, make_method, images, targets, stages=5, seed=None):
    """Randomises a classifier from its output down and compares the maps.

    At each stage more layers of a copy of the classifier lose what they learned:
    the entries of their weights are shuffled, which keeps their magnitudes (freshly
    drawn weights let the activations of many networks vanish). Maps that explain
    the classifier must change; maps that stay the same come from the image alone.

    Nothing is retrained here. `make_method` is called once per stage, with the
    randomised copy, and decides: a method without training just explains the copy;
    a trained explainer must be trained anew for the copy inside `make_method`. An
    explainer that is not does not see the randomised classifier, and the check
    says nothing about it.

    Args:
        classifier: A functional or Sequential Keras classifier; left unchanged.
        make_method: Function from a classifier to a function from (images,
            targets) to maps (N, H, W), for example
            `lambda classifier: GradCAM(classifier).explain`.
        images: Array or tensor (N, H, W, channels), as the classifier takes them.
        targets: What the method takes: the classes explained, the same at every
            stage (so not None).
        stages: int. Stages, evenly spread over the layers that have weights; the
            last one randomises them all.
        seed: int. Defaults to None: drawn, as `keras.utils.set_random_seed` has it.

    Returns:
        Dict of "layers" (names, the last one randomised at each stage), and
        "spearman" and "ssim", arrays (stages, N): similarity of each stage's maps
        to those of the classifier itself; lower is better. "spearman" is NaN where
        a map is constant.

    Raises:
        ValueError: If an argument does not suit the check.

    Example:

    >>> result = model_randomization(
    ...     classifier, lambda c: GradCAM(c).explain, images, targets=0, stages=3
    ... )
    >>> result["spearman"].shape
    (3, 4)

    Reference:
        Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018.
    """
    if targets is None:
        raise ValueError(
            "Argument `targets` should name the classes to explain, which must be the "
            "same at every stage. Received: None"
        )
    copy = keras.models.clone_model(classifier)
    copy.set_weights(classifier.get_weights())
    layers = [layer for layer in _leaves(copy) if layer.weights][::-1]
    if not 1 <= stages <= len(layers):
        raise ValueError(
            f"Argument `stages` should be from 1 to {len(layers)}, the number of "
            f"layers with weights. Received: {stages}"
        )
    before = np.asarray(make_method(classifier)(images, targets))
    result = {"layers": [], "spearman": [], "ssim": []}
    done, seed = 0, drawn_seed(seed)
    for end in np.linspace(0, len(layers), stages + 1).round().astype(int)[1:]:
        for index in range(done, end):
            _shuffle(layers[index], np.random.default_rng([seed, index]))
        done = end
        after = np.asarray(make_method(copy)(images, targets))
        result["layers"].append(layers[end - 1].name)
        result["spearman"].append(spearman(before, after))
        result["ssim"].append(structural_similarity(before, after))
    for name in ("spearman", "ssim"):
        result[name] = np.stack(result[name])
    return result


def _leaves(model):
    """Yields a model's layers from input to output, those of nested models too."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _leaves(layer)
        else:
            yield layer


def _shuffle(layer, random):
    # One order per length: a channel's batch statistics stay together.
    orders, shuffled = {}, []
    for weight in layer.get_weights():
        order = orders.setdefault(weight.size, random.permutation(weight.size))
        shuffled.append(weight.ravel()[order].reshape(weight.shape))
    layer.set_weights(shuffled)
