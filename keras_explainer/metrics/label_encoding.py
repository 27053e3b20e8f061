"""Do the masks by themselves, without any pixel, tell the class?"""

import numpy as np

from keras_explainer.drawn_seed import drawn_seed
from keras_explainer.image_operations.resize import resize_antialiased
from keras_explainer.inputs.targets import target_classes
from keras_explainer.metrics.classifier_passes import background_images
from keras_explainer.metrics.classifier_passes import check_inputs
from keras_explainer.metrics.classifier_passes import masked_logits
from keras_explainer.metrics.sanity import random_mask_like


def label_encoding(
    classifier,
    images,
    maps,
    targets,
    background="mean",
    grid=8,
    seed=None,
    batch_size=64,
):
    """Compares what a mask's shape tells about the class with what its pixels tell.

    A method may hide the answer in the mask: place or outline of the mask then tell
    the class, whatever the pixels inside show. Three accuracies tell it apart:

    - "mask_only": a logistic regression on the masks alone, averaged to a small
      grid, trained on one half of the images and tested on the other, and the
      reverse;
    - "masked": the classifier on the images behind their masks;
    - "random": the classifier on the images behind random masks of equal area
      (`random_mask_like`), whose shape cannot tell anything.

    Suspicious is "masked" above "random" while "mask_only" is far above "chance".
    Objects do have places and shapes, so "mask_only" above chance is by itself no
    proof. It takes some dozens of images per class. The published measure trains a
    classifier on random masks instead; here the classifier stays as it is.

    Args:
        classifier: A Keras classifier as `ExplainerModel` takes it, or a
            `FrozenClassifier`.
        images: Array or tensor (N, H, W, channels), as the classifier takes them.
        maps: Array or tensor (N, H, W) or (N, H, W, 1) in [0, 1], or bool.
        targets: The class explained in each image: a list of ints or one-hot rows
            (N, C).
        background: What replaces masked-out pixels: "mean", "blur", a number, one
            number per channel, or a `Background`.
        grid: int. Cells along each side that the regression sees.
        seed: int. Seed of the halves and of the random masks. Defaults to None: drawn,
            as `keras.utils.set_random_seed` has it.
        batch_size: int. Images per pass of the classifier.

    Returns:
        Dict of floats in [0, 1]: "mask_only", "masked", "random", and "chance" (the
        share of the most frequent class).

    Raises:
        ValueError: If an argument does not suit the others.

    Example:

    >>> sorted(label_encoding(classifier, images, maps, targets=[0, 1, 0, 1]))
    ['chance', 'mask_only', 'masked', 'random']

    Reference:
        Jethani et al., "Have We Learned to Explain?: How Interpretability Methods
        Can Learn to Encode Predictions in their Interpretations", AISTATS 2021.
    """
    frozen, images, maps = check_inputs(classifier, images, maps)
    classes = target_classes(targets, len(images), frozen.num_classes)
    if classes.shape[1] != 1 or (classes < 0).any() or len(images) < 2:
        raise ValueError(
            "Argument `targets` should name one class for each of at least two images. "
            f"Received: {classes.tolist()}"
        )
    classes, seed = classes[:, 0], drawn_seed(seed)
    removed = background_images(background, frozen, images)

    def accuracy(masks):
        logits = masked_logits(frozen, images, masks, removed, batch_size)
        return float(np.mean(logits.argmax(axis=1) == classes))

    return {
        "mask_only": _mask_only(maps, classes, grid, seed),
        "masked": accuracy(maps),
        "random": accuracy(random_mask_like(maps, seed)),
        "chance": float(np.bincount(classes).max() / len(classes)),
    }


def _mask_only(maps, classes, grid, seed):
    cells = resize_antialiased(maps[..., None], (grid, grid))
    inputs = np.asarray(cells, "float64").reshape(len(maps), -1)
    names, indices = np.unique(classes, return_inverse=True)
    answers = np.eye(len(names))[indices]
    order = np.random.default_rng(seed).permutation(len(maps))
    halves = order[::2], order[1::2]
    right = 0
    for train, test in (halves, halves[::-1]):
        mean, scale = inputs[train].mean(axis=0), inputs[train].std() + 1e-6
        predict = _logistic_regression((inputs[train] - mean) / scale, answers[train])
        predicted = predict((inputs[test] - mean) / scale).argmax(axis=1)
        right += (predicted == indices[test]).sum()
    return float(right / len(maps))


def _logistic_regression(inputs, answers, steps=300, decay=0.01):
    """Returns the log-odds function of a softmax regression, by gradient descent."""

    def extended(values):
        return np.concatenate([values, np.ones((len(values), 1))], axis=1)

    x = extended(inputs)
    # The step of guaranteed descent: the inverse of the largest curvature.
    rate = 1 / (np.linalg.norm(x, 2) ** 2 / (2 * len(x)) + decay)
    weights = np.zeros((x.shape[1], answers.shape[1]))
    for _ in range(steps):
        odds = np.exp(x @ weights - (x @ weights).max(axis=1, keepdims=True))
        error = odds / odds.sum(axis=1, keepdims=True) - answers
        weights -= rate * (x.T @ error / len(x) + decay * weights)
    return lambda values: extended(values) @ weights
