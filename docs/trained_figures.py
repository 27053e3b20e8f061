"""A figure of the trained explainers, for the classifier of shapes that is shipped."""

import time

import keras
import numpy as np
import tensorflow as tf
from photograph_figures import save

import keras_explainer as kx
from keras_explainer.visualization.panel_figure import Panel
from keras_explainer.visualization.panel_figure import fit
from keras_explainer.visualization.panel_figure import panel_figure
from keras_explainer.visualization.panel_figure import panel_width

KINDS = {
    "DiscreteMask": kx.DiscreteMaskExplainer,
    "RealTimeSaliency": kx.RealTimeSaliencyExplainer,
    "BoundedLogitAttention": kx.BoundedLogitAttentionExplainer,
    "L2X": kx.L2XExplainer,
}
TRAINED_ON, SHOWN = 3_000_000, 4_000_000  # seeds
EPOCHS = 8


def draw_trained():
    """The first held-out pictures, behind the mask of one class of every explainer."""
    shipped = kx.load("shapes")
    classifier, preprocess = shipped.classifier, shipped.preprocessing
    train = read(960, TRAINED_ON, preprocess)
    images, labels = read(64, SHOWN, preprocess)
    chosen = np.flatnonzero(labels.sum(axis=1) == 2)[:3]
    images, targets = images[chosen], labels[chosen].argmax(axis=1)
    masks = {"ExplainerModel": mask_of(shipped, images, targets)}
    for name, kind in KINDS.items():
        start = time.time()
        keras.utils.set_random_seed(0)
        explainer = kind(classifier, multi_label=True)
        data = tf.data.Dataset.from_tensor_slices(train).shuffle(960, seed=0)
        explainer.fit(data.batch(32), epochs=EPOCHS, verbose=0)
        masks[name] = mask_of(explainer, images, targets)
        print(f"{name}: {time.time() - start:.0f} s", flush=True)
    pictures = preprocess.restore(images).clip(0, 255).astype("uint8")
    width = panel_width(1 + len(masks))
    rows = []
    for n, picture in enumerate(pictures):
        row = [Panel(fit(picture, width), f"{shipped.display_names[targets[n]]}?")]
        for name, found in masks.items():
            shown = kx.visualization.overlay(fit(picture, width), found[n])
            row.append(Panel(shown, name))
        rows.append(row)
    save(panel_figure(rows, width), "trained.jpg")


def read(count, seed, preprocess):
    """Returns drawn pictures, as the classifier takes them, and their labels."""
    data = kx.datasets.shapes(
        count, batch_size=count, image_size=128, seed=seed, preprocess_input=preprocess
    )
    return tuple(np.asarray(part) for part in next(iter(data)))


def mask_of(explainer, images, targets):
    return explainer.explain(images, targets=targets).masks[..., 0]
