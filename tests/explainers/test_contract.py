"""What every explainer keeps to: wrap, fit, explain, save; and every kind of data."""

import functools
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import assert_unchanged
from conftest import random_images
from conftest import snapshot
from conftest import tiny_classifier
from keras import layers

import keras_explainer as kx

pytestmark = pytest.mark.usefixtures("eager")

SYSTEMS = {
    "explainer": kx.ExplainerModel,
    "discrete_mask": functools.partial(kx.DiscreteMaskExplainer, grid=8),
    "discrete_mask_published": functools.partial(
        kx.DiscreteMaskExplainer, grid=8, estimator="published"
    ),
    "real_time_saliency": kx.RealTimeSaliencyExplainer,
    "l2x": functools.partial(kx.L2XExplainer, grid=4),
    "bla-ph": kx.BoundedLogitAttentionExplainer,
    **{
        variant: functools.partial(kx.BoundedLogitAttentionExplainer, variant=variant)
        for variant in ("bla", "bla-t", "l2x-f")
    },
}
KINDS = ("explainer", "discrete_mask", "real_time_saliency", "l2x", "bla-ph")
QUICK = ("explainer", "discrete_mask")


def params(names, quick):
    marks = {False: [pytest.mark.slow], True: []}
    return [
        pytest.param(SYSTEMS[name], marks=marks[name in quick], id=name)
        for name in names
    ]


@pytest.fixture(params=params(SYSTEMS, quick=QUICK))
def each(request):
    """Every system and variant, two of them also in the quick suite."""
    return request.param


@pytest.fixture(params=params(KINDS, quick=("explainer",)))
def make(request):
    """One of each system; what all inherit is checked by one in the quick suite."""
    return request.param


def rows(count=8, classes=3, seed=0):
    return (
        np.random.default_rng(seed).integers(0, 2, (count, classes)).astype("float32")
    )


def indices(count=8, classes=3, seed=0):
    return np.random.default_rng(seed).integers(0, classes, count)


def test_fit_trains_as_it_stands_and_leaves_the_classifier_alone(each):
    classifier = tiny_classifier()
    before = snapshot(classifier)
    images = random_images(8)
    answers = classifier.predict(images, verbose=0)
    explainer = each(classifier)
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


@pytest.mark.parametrize("labels", ["none", "indices", "column", "one-hot", "weights"])
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


def test_images_without_any_label_give_no_nan(make):
    classifier = tiny_classifier(activation="sigmoid")
    explainer = make(classifier)
    labels = rows() * np.array([0, 1] * 4)[:, None]
    history = explainer.fit(random_images(8), labels, batch_size=4, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    assert all(np.isfinite(w).all() for w in explainer.get_weights())


@pytest.mark.slow
def test_binary_classifier_with_one_output(make):
    explainer = make(tiny_classifier(classes=1, activation="sigmoid"))
    images = random_images(8)
    for labels in (np.arange(8) % 2, (np.arange(8) % 2)[:, None]):
        explainer.fit(images, labels, batch_size=4, verbose=0)
    found = explainer.explain(images)
    assert found.masks.shape == (8, 32, 32, 2)
    p = explainer.classifier.predict(images, verbose=0)[:, 0]
    np.testing.assert_allclose(found.probabilities[:, 1], p, atol=1e-5)
    np.testing.assert_array_equal(found.classes[:, 0], p >= 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("classes", [2, 40])
def test_many_classes_train_on_the_labels_and_the_likeliest_others(make, classes):
    classifier = tiny_classifier(classes=classes)
    explainer = make(classifier)
    images = random_images(8)
    labels = indices(8, classes)
    explainer.fit(images, labels, batch_size=4, verbose=0)
    assert explainer.predict(images, verbose=0)["masks"].shape[::3] == (8, classes)


@pytest.mark.slow
def test_the_mask_of_a_class_is_the_same_alone_and_among_all(each):
    explainer = each(tiny_classifier(classes=5))
    images = random_images(3)
    explainer.fit(images, indices(3, 5), epochs=3, verbose=0)
    read = explainer.frozen(images)
    everything = np.asarray(explainer.class_logits(images, read))
    classes = np.array([[4, 1], [0, 0], [2, 3]])
    chosen = explainer.class_logits(images, read, classes)
    expected = np.stack([everything[i][..., c] for i, c in enumerate(classes)])
    largest = max(1.0, np.abs(everything).max())
    np.testing.assert_allclose(chosen / largest, expected / largest, atol=1e-5)
    masks = explainer.predict(images, verbose=0)["masks"]
    np.testing.assert_allclose(masks, keras.ops.sigmoid(everything), atol=1e-5)


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


def test_multi_label_targets_are_the_predictions_above_a_half(make):
    classifier = tiny_classifier(activation="sigmoid")
    explainer = make(classifier)
    images = random_images(6)
    answers = classifier.predict(images, verbose=0)
    explanation = explainer.explain(images, top_k=1)
    masks = explainer.explain(images, top_k=3)
    for i in range(6):
        predicted = set(np.flatnonzero(answers[i] >= 0.5)) | {answers[i].argmax()}
        columns = [k for k in range(3) if masks.classes[i, k] in predicted]
        np.testing.assert_allclose(
            explanation.target_mask[i], masks.masks[i][..., columns].max(-1), atol=1e-6
        )


def test_save_and_load_give_equal_masks_and_go_on_training(each, tmp_path):
    images, labels = random_images(8), indices()
    explainer = each(
        tiny_classifier(),
        class_names=["a", "b", "c"],
        background=0.25,
        preprocess_input="mobilenet",
    )
    option = next(k for k in explainer.LOSS().get_config() if k.endswith("_weight"))
    explainer.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=explainer.LOSS(**{option: 0.123}),
    )
    explainer.fit(images, labels, batch_size=4, verbose=0)
    path = tmp_path / "explainer.keras"
    explainer.save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["explainer.keras"]
    loaded = keras.saving.load_model(path)
    for key, value in explainer.predict(images, verbose=0).items():
        np.testing.assert_array_equal(loaded.predict(images, verbose=0)[key], value)
    assert loaded.class_names == ["a", "b", "c"]
    assert loaded.preprocessing.name == "mobilenet"
    np.testing.assert_array_equal(loaded.background.color, [0.25] * 3)
    assert getattr(loaded.explainer_loss, option) == 0.123
    assert int(loaded.optimizer.iterations) == 2
    for model in (explainer, loaded):
        model.fit(images, labels, batch_size=4, shuffle=False, verbose=0)
    for a, b in zip(explainer.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def grey(images):
    return keras.ops.mean(images, axis=-1, keepdims=True) / 255.0


@pytest.mark.slow
def test_save_refuses_a_preprocessing_that_cannot_be_loaded(make, tmp_path):
    path = tmp_path / "explainer.keras"
    explainer = make(tiny_classifier(channels=1), preprocess_input=grey)
    adapted = keras.layers.Normalization()
    adapted.adapt(100 * random_images(channels=1))
    for lost in (grey, lambda images: grey(images), adapted):
        explainer.preprocess_input = lost
        with pytest.raises(ValueError, match=r"register_keras_serial.*Received: "):
            explainer.save(path)
    assert not path.exists()
    mobilenet = keras.applications.mobilenet.preprocess_input
    for kept in ("auto", "mobilenet", mobilenet, "0..1", keras.layers.Rescaling(2.0)):
        explainer.preprocess_input = kept
        explainer.save(path)
    with keras.saving.custom_object_scope({"grey": grey}):
        explainer.preprocess_input = grey
        explainer.save(path)
        loaded = keras.saving.load_model(path)
    assert loaded.preprocessing.function is grey


@pytest.mark.slow
def test_files_of_unknown_number_are_no_mistake(make):
    ds = tf.data.Dataset.from_tensor_slices(random_images(8)).batch(4)
    ds = ds.filter(lambda images: True)  # Its size is known at its end.
    explainer = make(tiny_classifier())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        explainer.fit(ds, epochs=2, validation_data=ds, verbose=0)


def test_a_failed_save_keeps_the_former_file(make, tmp_path, monkeypatch):
    explainer = make(tiny_classifier())
    path = tmp_path / "explainer.keras"
    explainer.save(path)
    former = path.read_bytes()

    def interrupted(model, filepath, **kwargs):
        with open(filepath, "wb") as file:
            file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keras.Model, "save", interrupted)
    with pytest.raises(OSError, match="No space left"):
        explainer.save(path)
    assert path.read_bytes() == former
    assert [file.name for file in tmp_path.iterdir()] == ["explainer.keras"]
    monkeypatch.undo()
    with pytest.raises(FileExistsError, match="Received: "):
        explainer.save(path, overwrite=False)


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


def test_metrics_see_what_the_classifier_says_of_masked_images(make):
    explainer = make(tiny_classifier())
    explainer.compile(metrics=["accuracy", "mse"])
    history = explainer.fit(
        random_images(8), indices(), batch_size=4, verbose=0
    ).history
    assert 0 <= history["accuracy"][0] <= 1 and history["loss"][0] != 0
    assert 0 < history["mse"][0] <= 1


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


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(each, policy):
    keras.config.set_dtype_policy(policy)
    try:
        explainer = each(tiny_classifier())
        images = random_images(8)
        history = explainer.fit(images, indices(), batch_size=4, verbose=0).history
        masks = explainer.predict(images, verbose=0)["masks"]
    finally:
        keras.config.set_dtype_policy("float32")
    assert np.isfinite(history["loss"][0]) and masks.dtype == "float32"


def test_open_input_sizes(make):
    inputs = keras.Input((None, None, 3))
    x = inputs
    for filters in (4, 8):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    classifier = keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
    explainer = make(classifier)
    explainer.fit(random_images(4, 48), indices(4), verbose=0)
    assert explainer.explain(random_images(2, 64)).masks.shape == (2, 64, 64, 3)


@pytest.mark.slow
@pytest.mark.parametrize("size", [33, 75])
def test_sizes_that_do_not_divide(make, size):
    explainer = make(tiny_classifier(size=size))
    images = random_images(4, size)
    explainer.fit(images, indices(4), verbose=0)
    assert explainer.explain(images).masks.shape == (4, size, size, 3)


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


BAD_LABELS = {
    "out of range": (np.full(8, 3), "0 to 2. Received: 3"),
    "negative": (np.full(8, -1), "0 to 2. Received: -1"),
    "fraction": (np.full(8, 0.5), "0 to 2. Received: 0.5"),
    "not 0 or 1": (np.full((8, 3), 0.3), "0 or 1. Received: 0.3"),
    "shape": (np.zeros((8, 5)), r"rows of shape \(N, 3\). Received: shape \(., 5\)"),
}


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


@pytest.mark.parametrize("case", ["channels", "size", "single", "nan", "strings"])
def test_bad_images_are_refused(make, case):
    images, message = bad_images(case)
    explainer = make(tiny_classifier())
    with pytest.raises(ValueError, match=message):
        explainer.explain(images)
    with pytest.raises(ValueError, match=message):
        explainer.fit(images, indices(len(images)), verbose=0)


@pytest.mark.parametrize("what", ["image", "label"])
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


def test_empty_data_is_an_error(make):
    explainer = make(tiny_classifier())
    images = random_images(4)
    empty = tf.data.Dataset.from_tensor_slices(images).take(0).batch(2)
    for data in (empty, images[:0]):
        with pytest.raises(ValueError, match="at least one"):
            explainer.fit(data, verbose=0)
    with pytest.raises(ValueError, match="at least one"):
        explainer.explain(images[:0])


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
