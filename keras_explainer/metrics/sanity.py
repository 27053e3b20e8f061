"""Sanity checks: maps of a randomised classifier, how alike maps are, random masks."""

import functools

import keras
import numpy as np
from keras import ops

from keras_explainer.drawn_seed import drawn_seed
from keras_explainer.image_operations.resize import resize_bilinear
from keras_explainer.metrics.faithfulness import pearson
from keras_explainer.metrics.mask_metric import as_maps

# Of structural similarity, as published.
_LIGHT, _CONTRAST, _DEVIATION = 0.01**2, 0.03**2, 1.5


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


def spearman(maps, others):
    """Computes the rank correlation of two maps, per image.

    Args:
        maps: Array or tensor (N, H, W) or (N, H, W, 1), of any range.
        others: Array or tensor of the same size.

    Returns:
        float64 array (N,) in [-1, 1]; NaN where a map is constant.

    Raises:
        ValueError: If the shapes do not suit each other.

    Example:

    >>> maps = np.array([[[0.1, 0.2], [0.3, 0.4]]])
    >>> spearman(maps, maps**2).round(6).tolist()
    [1.0]
    """
    maps, others = _pair(maps, others)
    return pearson(_mean_ranks(maps), _mean_ranks(others))


def structural_similarity(maps, others):
    """Computes the structural similarity of two maps, each scaled to 0 ... 1.

    Args:
        maps: Array or tensor (N, H, W) or (N, H, W, 1), of any range.
        others: Array or tensor of the same size.

    Returns:
        float32 array (N,) in [-1, 1].

    Raises:
        ValueError: If the shapes do not suit each other.

    Example:

    >>> maps = np.random.default_rng(0).uniform(size=(1, 16, 16))
    >>> structural_similarity(maps, 2 * maps + 1).round(4).tolist()
    [1.0]

    Reference:
        Wang et al., "Image Quality Assessment: From Error Visibility to Structural
        Similarity", TIP 2004.
    """
    maps, others = (_stretched(part) for part in _pair(maps, others))
    # The usual window of 11 pixels, or what fits into small maps.
    window = min(11, *maps.shape[1:3])
    around = functools.partial(_weighted_means, window=window)
    mean, other = around(maps), around(others)
    products, squares = mean * other, mean**2 + other**2
    light = (2 * products + _LIGHT) / (squares + _LIGHT)
    covariance = around(maps * others) - products
    variances = around(maps**2 + others**2) - squares
    structure = (2 * covariance + _CONTRAST) / (variances + _CONTRAST)
    return np.mean(light * structure, axis=(1, 2))


def _weighted_means(maps, window):
    """Returns the means around each pixel of maps (N, H, W), weighted by a Gaussian."""
    places = np.arange(window) - (window - 1) / 2
    weights = np.exp(-0.5 * (places / _DEVIATION) ** 2).astype("float32")
    for axis in (1, 2):
        windows = np.lib.stride_tricks.sliding_window_view(maps, window, axis)
        maps = windows @ (weights / weights.sum())
    return maps


def _pair(maps, others):
    maps = ops.convert_to_numpy(as_maps(maps, "maps"))
    others = ops.convert_to_numpy(as_maps(others, "others"))
    if maps.shape != others.shape:
        raise ValueError(
            f"Argument `others` should have the shape of the maps, {maps.shape}. "
            f"Received: shape {others.shape}"
        )
    return maps, others


def _mean_ranks(maps):
    """Returns the ranks (N, H * W) of the pixels, equal values sharing their mean."""
    flat = maps.reshape(len(maps), -1)
    pairs = list(zip(np.sort(flat, axis=1), flat))
    below, up_to = (
        np.array([np.searchsorted(*pair, side) for pair in pairs])
        for side in ("left", "right")
    )
    return (below + up_to) / 2


def _stretched(maps):
    low = maps.min(axis=(1, 2), keepdims=True)
    span = maps.max(axis=(1, 2), keepdims=True) - low
    return (maps - low) / np.where(span > 0, span, 1)


def random_mask_like(maps, seed=None, cells=8):
    """Returns smooth random maps with the values of the given maps.

    The values of each map are handed out anew, the largest to the highest point of
    smooth noise and so on. A random map thus has the same area at every threshold,
    and differs only in where it is.

    Args:
        maps: Array or tensor (N, H, W) or (N, H, W, 1), numbers or bool.
        seed: int. Defaults to None: drawn, as `keras.utils.set_random_seed` has it.
        cells: int, at least 2. Cells of the noise along each side: more give
            smaller blobs.

    Returns:
        float32 array (N, H, W).

    Raises:
        ValueError: If `maps` has another shape or `cells` is below 2.

    Example:

    >>> maps = np.random.default_rng(0).uniform(size=(1, 16, 16))
    >>> control = random_mask_like(maps, seed=1)
    >>> bool((control >= 0.7).sum() == (maps >= 0.7).sum())
    True
    """
    maps = ops.convert_to_numpy(as_maps(maps, "maps"))
    if cells < 2:
        raise ValueError(f"Argument `cells` should be at least 2. Received: {cells}")
    count, height, width = maps.shape
    seed = drawn_seed(seed)
    noise = np.random.default_rng(seed).normal(size=(count, cells, cells, 1))
    noise = resize_bilinear(noise.astype("float32"), (height, width))
    noise = ops.convert_to_numpy(noise)
    noise = noise.reshape(count, -1)
    # Bilinear noise has ties where it is flat. Numbers of their own, since how many
    # there were before depends on the other images.
    noise = noise + 1e-6 * np.random.default_rng([seed, 1]).normal(size=noise.shape)
    control = np.empty_like(maps).reshape(count, -1)
    order = np.argsort(noise, axis=1)
    np.put_along_axis(control, order, np.sort(maps.reshape(count, -1), axis=1), axis=1)
    return control.reshape(maps.shape)
