"""What `explain` gives, of every explainer."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import indices
from conftest import random_images
from conftest import tiny_classifier
from explainer_kinds import any_kind
from explainer_kinds import every_kind

import keras_explainer as kx

pytestmark = pytest.mark.usefixtures("eager")


@pytest.mark.slow
@every_kind
def test_explain_top_k_targets_and_fields(make):
    classifier, images = tiny_classifier(classes=4), random_images(5)
    explainer = make(classifier)
    answers = classifier.predict(images, verbose=0)
    top = explainer.explain(images, top_k=2, batch_size=2)
    assert isinstance(top, kx.Explanation)
    np.testing.assert_array_equal(top.classes, np.argsort(-answers)[:, :2])
    np.testing.assert_allclose(top.scores, -np.sort(-answers)[:, :2], atol=1e-6)
    np.testing.assert_allclose(top.probabilities, answers, atol=1e-6)
    # One label: the target mask is that of the most probable class.
    np.testing.assert_array_equal(top.target_mask, top.masks[..., 0])
    assert top.masks.dtype == "float32" and 0 <= top.masks.min() <= top.masks.max() <= 1
    same = explainer.explain(images, targets=3)
    np.testing.assert_array_equal(same.classes, [[3]] * 5)
    multi_hot = np.array(
        [[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 0]] + [[0, 0, 0, 1]] * 2
    )
    several = explainer.explain(images, targets=multi_hot)
    np.testing.assert_array_equal(
        several.classes[:3], [[0, 2, -1], [-1, -1, -1], [0, 1, 2]]
    )
    assert not several.target_mask[1].any() and not several.scores[1].any()
    np.testing.assert_allclose(several.target_mask[2], several.masks[2].max(axis=-1))
    assert explainer.explain(images, top_k=9).masks.shape[-1] == 4


@every_kind
@pytest.mark.slow
def test_the_mask_of_a_class_is_the_same_alone_and_among_all(make):
    explainer = make(tiny_classifier(classes=5))
    images = random_images(3)
    explainer.fit(images, indices(3, 5), epochs=3, verbose=0)
    read = explainer.frozen(images)
    everything = np.asarray(explainer.class_logits(images, read))
    classes = np.array([[4, 1], [0, 0], [2, 3]])
    chosen = explainer.class_logits(images, read, classes)
    expected = np.stack([everything[i][..., c] for i, c in enumerate(classes)])
    largest = max(1.0, np.abs(everything).max())
    np.testing.assert_allclose(chosen / largest, expected / largest, atol=1e-5)
    masks = explainer.predict(images, verbose=0)["coarse_masks"]
    np.testing.assert_allclose(masks, keras.ops.sigmoid(everything), atol=1e-5)


@any_kind
def test_explain_takes_arrays_tensors_and_datasets(make):
    explainer = make(tiny_classifier())
    images = random_images(5)
    expected = explainer.explain(images).masks
    assert isinstance(expected, np.ndarray)
    from_tensor = explainer.explain(tf.constant(images)).masks
    assert tf.is_tensor(from_tensor)
    dataset = tf.data.Dataset.from_tensor_slices((images, indices(5))).batch(2)
    for masks in (from_tensor, explainer.explain(dataset).masks):
        np.testing.assert_allclose(masks, expected, atol=1e-6)
    again = explainer.explain(images).masks
    np.testing.assert_array_equal(again, expected)


@any_kind
@pytest.mark.slow
def test_mirrored_is_the_mean_of_the_image_and_of_its_mirror_image(make):
    explainer = make(tiny_classifier())
    explainer.upsampling = "bilinear"
    images = random_images(4)
    explainer.fit(images, indices(4), epochs=3, verbose=0)

    def logits(images):
        return np.asarray(explainer.class_logits(images, explainer.frozen(images)))

    mean = (logits(images) + logits(images[:, :, ::-1])[:, :, ::-1]) / 2
    expected = keras.ops.sigmoid(explainer.upsampled(mean, images))
    found = explainer.explain(images, targets=np.ones((4, 3)), mirrored=True)
    np.testing.assert_allclose(found.masks, expected, atol=1e-5)
    # What is said of the classes is still said of the image itself.
    plain = explainer.explain(images, top_k=2)
    found = explainer.explain(images, top_k=2, mirrored=True)
    np.testing.assert_array_equal(found.probabilities, plain.probabilities)
    np.testing.assert_array_equal(found.classes, plain.classes)
    assert np.abs(found.masks - plain.masks).max() > 1e-4


@any_kind
def test_multi_label_targets_are_the_predictions_above_a_half(make):
    classifier = tiny_classifier(activation="sigmoid")
    explainer = make(classifier)
    images = random_images(6)
    answers = classifier.predict(images, verbose=0)
    assert ((answers >= 0.5).sum(axis=1) > 1).any()
    for top_k in (1, 2, 3):
        found = explainer.explain(images, top_k=top_k)
        for i in range(6):
            predicted = set(np.flatnonzero(answers[i] >= 0.5)) | {answers[i].argmax()}
            columns = [k for k in range(top_k) if found.classes[i, k] in predicted]
            np.testing.assert_allclose(
                found.target_mask[i], found.masks[i][..., columns].max(-1), atol=1e-6
            )


@every_kind
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_no_more_masks_are_computed_than_are_returned(make, activation, monkeypatch):
    explainer = make(tiny_classifier(classes=20, activation=activation))
    asked, decode = [], explainer.class_logits

    def counted(images, outputs, classes=None, training=False):
        asked.append(classes.shape[1])
        return decode(images, outputs, classes, training)

    monkeypatch.setattr(explainer, "class_logits", counted)
    for top_k in (1, 3):
        explainer.explain(random_images(2), top_k=top_k)
    assert asked == [1, 3]


@every_kind
@pytest.mark.slow
def test_binary_classifier_with_one_output(make):
    explainer = make(tiny_classifier(classes=1, activation="sigmoid"))
    images = random_images(8)
    labels = np.arange(8) % 2
    explainer.fit(images, labels, batch_size=4, verbose=0)
    vector, column = (
        explainer.evaluate(images, each, verbose=0)
        for each in (labels, labels[:, None])
    )
    np.testing.assert_allclose(vector, column, rtol=1e-5)
    found = explainer.explain(images, top_k=2)
    p = explainer.classifier.predict(images, verbose=0)[:, 0]
    np.testing.assert_allclose(found.probabilities, np.stack([1 - p, p], 1), atol=1e-5)
    np.testing.assert_array_equal(found.classes[:, 0], p >= 0.5)
    for answer in (0, 1):
        masks = explainer.explain(images, targets=answer).masks[..., 0]
        at = np.argmax(found.classes == answer, axis=1)
        np.testing.assert_allclose(masks, found.masks[np.arange(8), ..., at], atol=1e-5)
