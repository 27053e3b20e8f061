"""What `fit` and `evaluate` do with data, of every explainer."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import assert_unchanged
from conftest import indices
from conftest import random_images
from conftest import rows
from conftest import snapshot
from conftest import tiny_classifier
from explainer_kinds import any_kind
from explainer_kinds import every_kind

pytestmark = pytest.mark.usefixtures("eager")


@pytest.mark.slow
@every_kind
def test_fit_trains_as_it_stands_and_leaves_the_classifier_alone(make):
    classifier = tiny_classifier()
    before = snapshot(classifier)
    images = random_images(8)
    answers = classifier.predict(images, verbose=0)
    explainer = make(classifier)
    weights = [np.array(v) for v in explainer.trainable_variables]
    history = explainer.fit(
        images,
        indices(),
        batch_size=4,
        epochs=2,
        validation_data=(images, indices()),
        verbose=0,
    ).history
    terms = {*explainer.loss_terms, *explainer.MEASURES}
    assert set(history) == {"loss", "val_loss"} | terms | {f"val_{t}" for t in terms}
    for epoch in range(2):
        total = sum(history[term][epoch] for term in explainer.LOSS.TERMS)
        assert history["loss"][epoch] == pytest.approx(total, abs=1e-5)
        assert history["loss"][epoch] != 0
    assert history["loss"][1] != history["loss"][0]
    trained = [np.array(v) for v in explainer.trainable_variables]
    assert any((a != b).any() for a, b in zip(weights, trained))
    assert_unchanged(classifier, before)
    np.testing.assert_array_equal(answers, classifier.predict(images, verbose=0))
    probabilities = explainer.predict(images, verbose=0)["probabilities"]
    np.testing.assert_allclose(probabilities, answers, atol=1e-6)


@pytest.mark.slow
@any_kind
@pytest.mark.parametrize(
    "labels",
    [
        *("none", "indices"),
        *(
            pytest.param(n, marks=pytest.mark.slow)
            for n in ("column", "one-hot", "weights")
        ),
    ],
)
def test_datasets_of_every_form(make, labels):
    images = random_images(8)
    one_hot = keras.utils.to_categorical(indices(), 3)
    elements = {
        "none": images,
        "indices": (images, indices()),
        "column": (images, indices()[:, None]),
        "one-hot": (images, one_hot),
        "weights": (images, one_hot, np.ones(8, "float32")),
    }[labels]
    dataset = tf.data.Dataset.from_tensor_slices(elements).batch(4)
    explainer = make(tiny_classifier())
    loss = explainer.fit(dataset, verbose=0).history["loss"][0]
    assert np.isfinite(loss)
    keras.utils.set_random_seed(0)
    if labels in ("indices", "column", "weights"):
        reference = make(tiny_classifier())
        expected = reference.evaluate(images, one_hot, batch_size=4, verbose=0)
        again = make(tiny_classifier())
        again.set_weights(reference.get_weights())
        np.testing.assert_allclose(
            again.evaluate(dataset, verbose=0), expected, rtol=1e-5
        )


@any_kind
def test_labels_default_to_the_predictions(make):
    classifier, images = tiny_classifier(), random_images(8)
    explainer = make(classifier)
    predicted = classifier.predict(images, verbose=0).argmax(axis=1)
    unlabelled = tf.data.Dataset.from_tensor_slices(images).batch(8)
    np.testing.assert_allclose(
        explainer.evaluate(unlabelled, verbose=0),
        explainer.evaluate(images, predicted, batch_size=8, verbose=0),
        rtol=1e-5,
    )


@pytest.mark.slow
@every_kind
def test_sample_weights_scale_the_loss(make):
    explainer = make(tiny_classifier())
    images, labels = random_images(4), indices(4)
    one = explainer.evaluate(images, labels, return_dict=True, verbose=0)
    two = explainer.evaluate(
        images,
        labels,
        sample_weight=np.full(4, 2.0),
        return_dict=True,
        verbose=0,
    )
    assert two["loss"] == pytest.approx(2 * one["loss"], rel=1e-5)
    first = explainer.evaluate(images[:1], labels[:1], return_dict=True, verbose=0)
    only = explainer.evaluate(
        images,
        labels,
        sample_weight=np.float32([4, 0, 0, 0]),
        return_dict=True,
        verbose=0,
    )
    assert only["loss"] == pytest.approx(first["loss"], rel=1e-4)


@pytest.mark.slow
@every_kind
def test_images_without_any_label_give_no_nan(make):
    classifier = tiny_classifier(activation="sigmoid")
    explainer = make(classifier)
    labels = rows() * np.array([0, 1] * 4)[:, None]
    history = explainer.fit(random_images(8), labels, batch_size=4, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    assert all(np.isfinite(w).all() for w in explainer.get_weights())


@every_kind
@pytest.mark.slow
@pytest.mark.parametrize("classes", [40, pytest.param(2, marks=pytest.mark.thorough)])
def test_many_classes_train_on_the_labels_and_the_likeliest_others(make, classes):
    classifier, images = tiny_classifier(classes=classes), random_images(8)
    kernel, bias = classifier.layers[-1].get_weights()
    # A sure classifier: masks of classes that it rules out would be empty.
    classifier.layers[-1].set_weights([30 * kernel, bias])
    labels = classifier.predict(images, verbose=0).argmax(axis=1)
    targets = [int(label) for label in labels]
    explainer = make(classifier)
    before = explainer.explain(images, targets=targets)
    explainer.fit(images, labels, batch_size=4, epochs=3, verbose=0)
    after = explainer.explain(images, targets=targets)
    assert np.abs(after.masks - before.masks).max() > 1e-3
    np.testing.assert_array_equal(after.probabilities, before.probabilities)
    everything = explainer.explain(images, targets=np.ones((8, classes)))
    np.testing.assert_allclose(
        after.masks[..., 0], everything.masks[np.arange(8), ..., labels], atol=1e-5
    )


@any_kind
@pytest.mark.slow
def test_the_same_seed_gives_the_same_run(make):
    runs = []
    for _ in range(2):
        keras.utils.set_random_seed(7)
        explainer = make(tiny_classifier())
        explainer.fit(random_images(8), indices(), batch_size=4, epochs=2, verbose=0)
        runs.append(explainer.get_weights())
    for a, b in zip(*runs, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
@any_kind
def test_metrics_see_what_the_classifier_says_of_masked_images(make):
    explainer = make(tiny_classifier())
    explainer.compile(metrics=["accuracy", "mse"])
    history = explainer.fit(
        random_images(8), indices(), batch_size=4, verbose=0
    ).history
    assert 0 <= history["accuracy"][0] <= 1 and history["loss"][0] != 0
    assert 0 < history["mse"][0] <= 1


@any_kind
@pytest.mark.slow
def test_callbacks_steps_and_initial_epoch(make):
    dataset = tf.data.Dataset.from_tensor_slices((random_images(8), indices()))
    seen = []
    callback = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: seen.append(epoch)
    )
    explainer = make(tiny_classifier())
    explainer.fit(
        dataset.batch(2).repeat(),
        steps_per_epoch=3,
        initial_epoch=2,
        epochs=4,
        callbacks=[callback, keras.callbacks.EarlyStopping("loss")],
        verbose=0,
    )
    assert seen == [2, 3] and int(explainer.optimizer.iterations) == 6


@any_kind
@pytest.mark.slow
def test_files_of_unknown_number_are_no_mistake(make):
    ds = tf.data.Dataset.from_tensor_slices(random_images(8)).batch(4)
    ds = ds.filter(lambda images: True)  # Its size is known at its end.
    explainer = make(tiny_classifier())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        explainer.fit(ds, epochs=2, validation_data=ds, verbose=0)


@pytest.mark.slow
@any_kind
def test_mean_background_is_measured_where_it_is_not_known(make):
    explainer = make(tiny_classifier(channels=5))
    images = random_images(8, channels=5) + np.arange(5, dtype="float32")
    explainer.fit(images, indices(), verbose=0)
    np.testing.assert_allclose(
        explainer.background.color, images.mean(axis=(0, 1, 2)), rtol=1e-5
    )
    mobilenet = keras.applications.MobileNet(
        weights=None, alpha=0.25, input_shape=(64, 64, 3), classes=2
    )
    known = make(mobilenet).background.color
    np.testing.assert_allclose(known, [-0.03, -0.084, -0.185], atol=1e-3)
