"""Bad images, labels and targets, refused in one sentence before they do harm."""

import numpy as np
import pytest
import tensorflow as tf
from conftest import indices
from conftest import random_images
from conftest import tiny_classifier
from explainer_kinds import any_kind

pytestmark = pytest.mark.usefixtures("eager")


BAD_LABELS = {
    "out of range": (np.full(8, 3), "0 to 2. Received: 3"),
    "negative": (np.full(8, -1), "0 to 2. Received: -1"),
    "fraction": (np.full(8, 0.5), "0 to 2. Received: 0.5"),
    "not 0 or 1": (np.full((8, 3), 0.3), "0 or 1. Received: 0.3"),
    "shape": (np.zeros((8, 5)), r"rows of shape \(N, 3\). Received: shape \(., 5\)"),
}


@any_kind
@pytest.mark.parametrize("case", BAD_LABELS)
def test_bad_labels_are_refused_before_training(make, case):
    labels, message = BAD_LABELS[case]
    explainer = make(tiny_classifier())
    for data in (
        (random_images(8), labels),
        (tf.data.Dataset.from_tensor_slices((random_images(8), labels)).batch(4),),
    ):
        with pytest.raises(ValueError, match=message):
            explainer.fit(*data, verbose=0)
    assert int(explainer.optimizer.iterations) == 0


def bad_images(case):
    images = random_images(8)
    if case == "channels":
        return images[..., :1], r"\(N, 32, 32, 3\).*Received: shape \(8, 32, 32, 1\)"
    if case == "size":
        return random_images(8, 16), r"Received: shape \(8, 16, 16, 3\)"
    if case == "single":
        return images[0], r"add the batch dimension"
    if case == "nan":
        images[3, 0, 0, 0] = np.nan
        return images, "Received: NaN or infinity in image 3"
    return np.full((8, 32, 32, 3), "x"), "should be numbers"


@any_kind
@pytest.mark.parametrize("case", ["channels", "size", "single", "nan", "strings"])
def test_bad_images_are_refused(make, case):
    images, message = bad_images(case)
    explainer = make(tiny_classifier())
    with pytest.raises(ValueError, match=message):
        explainer.explain(images)
    with pytest.raises(ValueError, match=message):
        explainer.fit(images, indices(len(images)), verbose=0)


@pytest.mark.slow
@any_kind
@pytest.mark.parametrize(
    "what", ["label", pytest.param("image", marks=pytest.mark.slow)]
)
def test_bad_data_in_a_later_batch_stops_before_it_does_harm(make, what):
    images, labels = random_images(8), indices()
    if what == "image":
        images[7, 0, 0, 0] = np.nan
    else:
        labels[7] = 9
    dataset = tf.data.Dataset.from_tensor_slices((images, labels)).batch(2)
    explainer = make(tiny_classifier())
    expected = (
        "Images should be finite" if what == "image" else "Labels should be whole"
    )
    with pytest.raises(ValueError, match=f"^{expected}.*Received: [^\\]]*$"):
        explainer.fit(dataset, verbose=0)
    assert all(np.isfinite(w).all() for w in explainer.get_weights())


@any_kind
def test_empty_data_is_an_error(make):
    explainer = make(tiny_classifier())
    images = random_images(4)
    empty = tf.data.Dataset.from_tensor_slices(images).take(0).batch(2)
    for data in (empty, images[:0]):
        with pytest.raises(ValueError, match="at least one"):
            explainer.fit(data, verbose=0)
    with pytest.raises(ValueError, match="at least one"):
        explainer.explain(images[:0])


@any_kind
@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (3, "0 to 2. Received: 3"),
        (-1, "0 to 2. Received: -1"),
        ([0, 1], r"Received: shape \(2,\)"),
        (np.full((4, 3), 0.5), "0 and 1 .*Received: 0.5"),
        ("cat", r"`class_names.index\(name\)`. Received: 'cat'"),
    ],
)
def test_bad_targets_are_refused(make, targets, message):
    explainer = make(tiny_classifier())
    with pytest.raises(ValueError, match=message):
        explainer.explain(random_images(4), targets=targets)


@any_kind
def test_other_refusals(make):
    explainer = make(tiny_classifier())
    with pytest.raises(ValueError, match="`class_weight` .*sample_weight"):
        explainer.fit(random_images(4), indices(4), class_weight={0: 2.0})
    with pytest.raises(ValueError, match="`loss` should be .*Received: 'mse'"):
        explainer.compile(loss="mse")
    with pytest.raises(ValueError, match="`top_k` .*Received: 0"):
        explainer.explain(random_images(4), top_k=0)
    with pytest.raises(ValueError, match="`mirrored` .*True or False. Received: 2"):
        explainer.explain(random_images(4), mirrored=2)
