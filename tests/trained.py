"""Classifiers and explainers trained on pictures whose answer is known, pixel by pixel.

The pictures are grey with noise, and show patches of one colour each; the class of a
patch is its colour, and nothing else in a picture tells of a class. So the mask of a
class has to lie on its own patch. Each is trained in seconds, once per run of the
tests, whatever the number of their processes, and read from its file after that.

Random networks on noise show none of this: the masks of all their classes are alike.
"""

import contextlib
import functools
import pathlib

import keras
import numpy as np
import tensorflow as tf
import token_classifiers
from keras import layers

import keras_explainer as kx

SIZE, PATCH = 32, 12
COLORS = np.array([[0.9, 0.2, 0.2], [0.2, 0.8, 0.2], [0.25, 0.3, 0.95]], "float32")
NAMES = ["red", "green", "blue"]
# Kind: the units of the last layer and its activation.
KINDS = {
    "softmax": (3, "softmax"),
    "sigmoid": (3, "sigmoid"),
    "one unit": (1, "sigmoid"),
    "logits": (3, None),
    "transformer": (3, "softmax"),
}
EXPLAINERS = {
    "explainer": kx.ExplainerModel,
    "discrete_mask": functools.partial(kx.DiscreteMaskExplainer, grid=8),
    "real_time_saliency": kx.RealTimeSaliencyExplainer,
    "bounded_logit_attention": kx.BoundedLogitAttentionExplainer,
    "l2x": functools.partial(kx.L2XExplainer, selected=6),
}


def patches(count, kind="softmax", seed=0):
    """Draws pictures in [0, 1] with patches.

    Args:
        count: int, N.
        kind: One of `KINDS`. One patch of some colour in each picture; for "sigmoid"
            one to three of different colours; for "one unit" a red patch (label 1),
            or a green one (label 0).
        seed: int.

    Returns:
        Tuple of images (N, 32, 32, 3), labels (indices (N,); multi-hot rows (N, 3)
        for "sigmoid") and true masks (N, 32, 32, 3), one for each colour.
    """
    draw = np.random.default_rng(seed)
    images = 0.5 + 0.05 * draw.standard_normal((count, SIZE, SIZE, 3))
    truth = np.zeros((count, SIZE, SIZE, 3), "float32")
    places = [(y, x) for y in (2, 18) for x in (2, 18)]
    for image, mask in zip(images, truth):
        shown = 1
        if kind == "sigmoid":
            shown = draw.integers(1, 4)
        colors = draw.permutation(2 if kind == "one unit" else 3)[:shown]
        for color, place in zip(colors, draw.permutation(places)):
            y, x = place + draw.integers(-2, 3, 2)
            where = slice(y, y + PATCH), slice(x, x + PATCH)
            noise = 0.05 * draw.standard_normal((PATCH, PATCH, 3))
            image[where] = COLORS[color] + noise
            mask[where + (color,)] = 1.0
    rows = truth.max(axis=(1, 2))
    labels = rows if kind == "sigmoid" else rows.argmax(axis=1)
    if kind == "one unit":
        labels = 1 - labels
    return np.clip(images, 0, 1).astype("float32"), labels, truth


def build(kind, size=SIZE):
    """An untrained classifier: three convolutions, pooling, and the layer of `kind`.

    A transformer has attention among patches of 4 pixels instead, and a class token.
    """
    if kind == "transformer":
        return token_classifiers.transformer("class", 1, (size, size))
    units, activation = KINDS[kind]
    images = x = keras.Input((size, size, 3))
    for filters, stride in ((8, 2), (16, 2), (16, 1)):
        x = layers.Conv2D(
            filters, 3, stride, padding="same", kernel_initializer="he_normal"
        )(x)
        x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(units, activation=activation)(x)
    return keras.Model(images, x, name=f"trained_{kind.replace(' ', '_')}")


def train(kind):
    """Trains a classifier, with empty pictures in between that have no answer."""
    keras.utils.set_random_seed(0)
    classifier = build(kind)
    units, activation = KINDS[kind]
    images, labels, _ = patches(768, kind, seed=100)
    if units == 1:
        rows = labels[:, None]
    else:
        rows = labels if labels.ndim == 2 else keras.utils.to_categorical(labels, units)
    # Nothing in an empty picture speaks for a class: all alike, or none of several.
    empty = 0.5 + 0.05 * np.random.default_rng(1).standard_normal(images[:128].shape)
    no_answer = {"sigmoid": 0.0, "one unit": 0.5}
    images = np.concatenate([images, empty.astype("float32")])
    rows = np.concatenate(
        [rows, np.full((128, units), no_answer.get(kind, 1 / 3), "float32")]
    )
    one_of_many = kind not in ("sigmoid", "one unit")
    loss = (
        keras.losses.CategoricalCrossentropy(from_logits=activation is None)
        if one_of_many
        else keras.losses.BinaryCrossentropy()
    )
    classifier.compile(keras.optimizers.Adam(0.01), loss)
    classifier.fit(images, rows, batch_size=64, epochs=40, verbose=0)
    return classifier


def train_explainer(name, classifier):
    """Trains one of `EXPLAINERS` for the classifier of kind "softmax"."""
    keras.utils.set_random_seed(0)
    explainer = EXPLAINERS[name](classifier)
    images, labels, _ = patches(256, seed=7)
    explainer.fit(images, labels, batch_size=32, epochs=10, verbose=0)
    return explainer


def once_per_run(path, make):
    """Returns the model in a file, made by the first process of tests that asks.

    Args:
        path: Path of a `.keras` file in a folder that all processes of a run share.
        make: Function that returns the model.
    """
    path = pathlib.Path(path)
    with _locked(path.with_suffix(".lock")):
        if not path.exists():
            beside = path.with_name(f"new_{path.name}")
            with _traced():
                make().save(beside)
            beside.rename(path)
    return keras.saving.load_model(path, compile=False)


@contextlib.contextmanager
def _traced():
    """Trains in traced steps, ten times as fast, for tests that run theirs eagerly."""
    eager = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(False)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(eager)


@contextlib.contextmanager
def _locked(path):
    try:
        import fcntl
    except ImportError:  # Windows: each process makes its own.
        yield
        return
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def share_on_own_patch(mask, truth):
    """Returns how much of a mask (H, W) lies where `truth` (H, W) is 1, in [0, 1]."""
    return float((mask * truth).sum() / max(mask.sum(), 1e-6))
