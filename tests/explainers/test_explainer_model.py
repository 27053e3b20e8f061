"""What only the Explainer has: decoders, a separate encoder, its arguments."""

import itertools
import os
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from conftest import calibrated
from conftest import random_images
from conftest import tiny_classifier
from keras import layers

import keras_explainer as kx
from keras_explainer.explainers.mask_stages import ruled_out
from keras_explainer.image_operations.resize import resize_bilinear

pytestmark = pytest.mark.usefixtures("eager")


def indices(count=8, classes=3, seed=0):
    return np.random.default_rng(seed).integers(0, classes, count)


@pytest.mark.slow
def test_a_second_epoch_lowers_the_loss():
    explainer = kx.ExplainerModel(tiny_classifier())
    # Those of another step are other pictures.
    explainer.compile(composites=0.0, crops=0.0)
    loss = explainer.fit(random_images(8), indices(), epochs=2, verbose=0).history
    assert loss["loss"][1] < loss["loss"][0]


@pytest.mark.slow
@pytest.mark.parametrize("decoder", ["unet", "deeplabv3", "model"])
@pytest.mark.parametrize("separate", [False, True])
def test_decoders_and_encoder(decoder, separate, tmp_path):
    images = random_images(4)
    encoder = None
    if separate:
        inputs = keras.Input((32, 32, 3))
        x = layers.Conv2D(4, 3, strides=2, padding="same")(inputs)
        x = layers.BatchNormalization()(x)
        encoder = keras.Model(
            inputs, layers.Conv2D(8, 3, strides=4, padding="same")(x), name="backbone"
        )
    if decoder == "model":
        classifier = tiny_classifier()
        probe = kx.ExplainerModel(classifier, encoder=encoder)
        source = probe.encoder if separate else probe.frozen
        shapes = (
            [source.graph.shape(level)[1:] for level in source.levels]
            if separate
            else source.level_shapes
        )
        maps = [keras.Input(shape) for shape in shapes]
        decoder = keras.Model(maps, layers.Conv2D(3, 1)(maps[-1]), name="own")
    explainer = kx.ExplainerModel(tiny_classifier(), decoder=decoder, encoder=encoder)
    before = [np.array(v) for v in explainer.trainable_variables]
    explainer.fit(images, indices(4), epochs=2, verbose=0)
    moved = [
        (np.array(v) != old).any()
        for v, old in zip(explainer.trainable_variables, before)
    ]
    assert np.mean(moved) > 0.7
    explainer.save(tmp_path / "e.keras")
    loaded = keras.saving.load_model(tmp_path / "e.keras")
    np.testing.assert_array_equal(
        loaded.predict(images, verbose=0)["coarse_masks"],
        explainer.predict(images, verbose=0)["coarse_masks"],
    )


@pytest.mark.slow
def test_raw_pixels_where_others_are_expected_warn_once():
    classifier = keras.applications.MobileNet(
        weights=None, alpha=0.25, input_shape=(32, 32, 3), classes=2
    )
    explainer = kx.ExplainerModel(calibrated(classifier))
    raw = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), "uint8")
    with pytest.warns(UserWarning, match=r"\[-1, 1\].*uint8 values from"):
        explainer.explain(raw)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        explainer.explain(raw)
        kx.ExplainerModel(classifier).explain(random_images(2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"decoder": "fcn"}, "`decoder` .*Received: 'fcn'"),
        ({"background": "black"}, "`background` .*Received: 'black'"),
        ({"background": [0, 1]}, "`background` .*Received: "),
        ({"background": None}, "`background` .*Received: None"),
        ({"background": float("nan")}, "`background` .*Received: nan"),
        ({"background": True}, "`background` .*Received: True"),
        ({"class_names": ["a"]}, "`class_names` should hold 3 names.*Received: 1"),
        ({"multi_label": 2}, "`multi_label` .*Received: 2"),
        ({"preprocess_input": "resnet99"}, "`preprocess_input` .*'resnet99'"),
        ({"stride": 0}, "`stride` should be a whole number .*Received: 0"),
        ({"stride": "fine"}, "`stride` .*Received: 'fine'"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        kx.ExplainerModel(tiny_classifier(), **arguments)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "arguments", "cells"),
    [
        (224, {}, 28),  # Photographs: the coarsest map here has cells of 8 pixels.
        (128, {}, 32),
        (224, {"stride": 4}, 56),
        (128, {"stride": 2}, 64),
        (224, {"decoder": "deeplabv3", "stride": 8}, 28),
    ],
)
def test_the_stride_is_that_of_the_masks(size, arguments, cells, tmp_path):
    explainer = kx.ExplainerModel(tiny_classifier(size=size), **arguments)
    images = random_images(1, size=size)
    masks = explainer(images)["coarse_masks"]
    assert masks.shape == (1, cells, cells, 3)
    explainer.save(tmp_path / "e.keras")
    loaded = keras.saving.load_model(tmp_path / "e.keras")
    np.testing.assert_array_equal(loaded(images)["coarse_masks"], masks)


@pytest.mark.slow
def test_photographs_are_explained_in_cells_of_16_pixels_by_the_default_decoder():
    classifier = keras.applications.MobileNet(weights=None, alpha=0.25, classes=3)
    assert kx.ExplainerModel(classifier).output["coarse_masks"].shape == (
        None,
        14,
        14,
        3,
    )
    published = kx.ExplainerModel(
        classifier,
        decoder="deeplabv3",
        encoder=keras.applications.MobileNet(
            weights=None, alpha=0.25, include_top=False, input_shape=(224, 224, 3)
        ),
    )
    assert published.output["coarse_masks"].shape == (None, 28, 28, 3)


@pytest.mark.slow
def test_importing_loads_neither_tensorflow_datasets_nor_pyplot_of_ours():
    import subprocess
    import sys

    code = (
        "import sys, keras_explainer;"
        "print([m for m in sys.modules if m.startswith('tensorflow_datasets')])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert result.stdout.strip() == "[]", result.stderr


@pytest.mark.slow
@pytest.mark.filterwarnings("error:Gradients do not exist")
@pytest.mark.parametrize("separate", [False, True])
def test_the_loss_is_not_that_of_a_compiled_classifier(separate):
    images, labels = random_images(), np.eye(3, dtype="float32")[[0, 1, 2, 0]]
    classifier = tiny_classifier()
    backbone = tiny_classifier(name="backbone")
    for model in (classifier, backbone):
        model.compile("sgd", "categorical_crossentropy")
        model.fit(images, labels, verbose=0)
    explainer = kx.ExplainerModel(classifier, encoder=backbone if separate else None)
    logs = explainer.fit(
        images, labels, validation_data=(images, labels), verbose=0
    ).history
    for prefix in ("", "val_"):
        terms = [logs[prefix + term][0] for term in kx.ExplainerLoss.TERMS]
        np.testing.assert_allclose(logs[f"{prefix}loss"][0], sum(terms), rtol=1e-5)


def test_masks_are_found_in_an_augmented_view_but_judged_on_the_image(monkeypatch):
    """The view is one that hides everything: masks no longer depend on the image."""
    # Enlarged along edges they would, of the image itself.
    explainer = kx.ExplainerModel(tiny_classifier(), upsampling="bilinear")
    loss = kx.ExplainerLoss(smoothness_weight=0.0)
    explainer.compile(loss=loss, composites=0.0, crops=0.0, augmentation=1.0)
    monkeypatch.setattr(
        "keras_explainer.training.draws.augmented_view",
        lambda images, color, span, share, step: 0.0 * images,
    )
    images, rows = random_images(2), np.eye(3, dtype="float32")[[0, 0]]
    read = explainer.frozen(images)
    terms, kept = explainer.step_terms(images, read, rows, training=True)
    assert float(terms["area"][0]) == pytest.approx(float(terms["area"][1]), rel=1e-5)
    coarse = explainer.class_logits(0 * images, explainer.frozen(0 * images))[..., 0]
    shown = explainer.background(images, keras.ops.sigmoid(coarse))
    np.testing.assert_allclose(kept, explainer.frozen.logits(shown), atol=1e-4)
    assert float(kept[0, 0]) != float(kept[1, 0])
    terms, _ = explainer.step_terms(images, read, rows, training=False)
    assert float(terms["area"][0]) != pytest.approx(float(terms["area"][1]), rel=1e-5)


def mask_logits_of(probabilities, multi_label):
    """Mask logits of 1, of classes of these probabilities, once they are ruled out."""
    p = np.float64([probabilities])
    scores = np.log(p) - np.log1p(-p) * multi_label
    ones = np.ones((1, 2, 2, len(probabilities)), "float32")
    frozen = SimpleNamespace(multi_label=multi_label)
    found = np.asarray(ruled_out(ones, frozen, {"logits": np.float32(scores)}))
    np.testing.assert_array_equal(found, found[:, :1, :1] * ones)
    some = ruled_out(ones[..., :1], frozen, {"logits": np.float32(scores)}, [[1]])
    np.testing.assert_array_equal(some[..., 0], found[..., 1])
    return found[0, 0, 0]


@pytest.mark.parametrize("multi_label", [True, False])
def test_mask_logits_fall_where_the_classifier_says_no(multi_label):
    """Below 5 %, or of one label below 5 % of the likeliest's share."""
    # A sure classifier: a class at 0.1 % beside one of 99 % has nothing to show.
    found = mask_logits_of([0.99, 0.001, 0.009], multi_label)
    least = 0.05 if multi_label else 0.05 * 0.99

    def fallen(p):
        odds = (np.log(p / least), np.log(p / (1 - p)) - np.log(least / (1 - least)))
        return 1 + 16 * odds[multi_label]

    np.testing.assert_allclose(found, [1, fallen(0.001), fallen(0.009)], atol=1e-4)
    assert 1 / (1 + np.exp(-found[1])) < 1e-6
    # Continuous: just above, at, and just below what is the least.
    for share, fall in ((1.001, 0.0), (1.0, 0.0), (0.999, 0.017), (0.99, 0.165)):
        found = mask_logits_of([0.99, share * least], multi_label)
        np.testing.assert_allclose(found, [1, 1 - fall], atol=0.02)


def test_the_likeliest_of_many_classes_is_never_ruled_out():
    unsure = np.full(1000, 1 / 1000)
    np.testing.assert_allclose(mask_logits_of(unsure, False), 1, atol=1e-4)
    unsure[:3] = 0.0201, 0.00104, 0.00096
    found = mask_logits_of(unsure, False)
    np.testing.assert_allclose(found[:2], 1, atol=1e-4)
    assert found[2] == pytest.approx(
        1 + 16 * np.log(0.00096 / (0.05 * 0.0201)), abs=1e-3
    )
    # Of several labels none need be there.
    assert mask_logits_of([0.02, 0.01], True).max() < -2.7


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_a_class_that_the_classifier_rules_out_has_an_empty_mask(activation):
    classifier = tiny_classifier(activation=activation)
    kernel, bias = classifier.layers[-1].get_weights()
    classifier.layers[-1].set_weights([kernel, bias + [3, 3, -9]])
    explainer = kx.ExplainerModel(classifier)
    # Ample masks of all classes, but for what the classifier says.
    explainer.class_head.offset.assign(20.0)
    images = random_images(2)
    masks = explainer.explain(images, np.ones((2, 3), int)).masks
    assert masks[..., 2].max() < 0.01 and masks[..., :2].min() > 0.9
    assert explainer(images)["coarse_masks"][..., 2].numpy().max() < 0.01
    some = explainer.class_logits(
        images, explainer.frozen(images), np.array([[2, 0], [1, 2]])
    )
    whole = explainer.class_logits(images, explainer.frozen(images))
    np.testing.assert_allclose(some[0], whole.numpy()[0][..., [2, 0]], atol=1e-4)
    np.testing.assert_allclose(some[1], whole.numpy()[1][..., [1, 2]], atol=1e-4)
    # Training has to learn the mask of a label that is ruled out by mistake.
    read = explainer.frozen(images)
    learned = explainer.class_logits(images, read, training=True)
    assert learned.numpy()[..., 2].min() > whole.numpy()[..., 2].max()


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_at_half_of_what_rules_a_class_out_its_mask_is_empty_and_has_an_order(
    activation,
):
    """However sure the decoder is; just above, the mask is the decoder's."""
    classifier, images = tiny_classifier(activation=activation), random_images(1)
    explainer = kx.ExplainerModel(classifier)
    explainer.class_head.offset.assign(20.0)
    kernel, bias = classifier.layers[-1].get_weights()
    (logits,) = explainer.frozen(images)["logits"].numpy()
    shown = {}
    for probability in (0.025, 0.051):
        # Of one label among many: of what the likeliest has.
        odds = (
            probability / (1 - probability) if activation == "sigmoid" else probability
        )
        wanted = np.float32([3.0, 2.0, np.log(odds)])
        if activation == "softmax":
            wanted[2] += 3.0
        classifier.layers[-1].set_weights([kernel, bias + wanted - logits])
        shown[probability] = explainer.explain(images, 2)
    assert shown[0.051].masks.min() > 0.99
    assert shown[0.025].masks.max() < 0.5
    relevance = shown[0.025].relevance
    assert 0 < relevance.max() < shown[0.051].relevance.max()
    np.testing.assert_allclose(
        relevance / relevance.max(),
        shown[0.051].relevance / shown[0.051].relevance.max(),
        atol=0.02,
    )


@pytest.mark.parametrize("what", ["encoder", "decoder"])
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_classes_are_ruled_out_without_evidence_too(activation, what):
    classifier = tiny_classifier(activation=activation)
    kernel, bias = classifier.layers[-1].get_weights()
    classifier.layers[-1].set_weights([kernel, bias + [3, 3, -12]])
    options = {}
    if what == "encoder":
        options["encoder"] = keras.Sequential(
            [keras.Input((32, 32, 3)), keras.layers.Conv2D(4, 3, 4, padding="same")]
        )
    if what == "decoder":
        shapes = kx.ExplainerModel(classifier).frozen.level_shapes
        maps = [keras.Input(shape) for shape in shapes]
        logits = keras.layers.Conv2D(3, 1, kernel_initializer="zeros")(maps[0])
        options["decoder"] = keras.Model(maps, logits)
    images, masks = random_images(2), {}
    for rule_out in (True, False):
        explainer = kx.ExplainerModel(classifier, rule_out=rule_out, **options)
        assert explainer.cell_attention is None
        if what == "encoder":
            explainer.class_head.offset.assign(20.0)
        shown = explainer.explain(images, np.ones((2, 3), int)).masks
        cells = explainer(images)["coarse_masks"].numpy()
        masks[rule_out] = [each.max(axis=(0, 1, 2)) for each in (shown, cells)]
    for kept, whole in zip(masks[True], masks[False]):
        assert kept[2] < 0.01 < 0.1 < whole[2]
        np.testing.assert_allclose(kept[:2], whole[:2], atol=1e-6)


@pytest.mark.slow
def test_a_classifier_without_a_map_is_explained_by_an_encoder_of_its_own(tmp_path):
    images = keras.Input((16, 16, 3))
    x = keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(images))
    classifier = keras.Model(images, x)
    with pytest.raises(ValueError, match="encoder=backbone.*no such map was found"):
        kx.ExplainerModel(classifier)
    backbone = keras.Sequential(
        [keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3, 2, padding="same")]
    )
    explainer = kx.ExplainerModel(classifier, encoder=backbone)
    some = random_images(2, 16)
    explainer.fit(some, verbose=0)
    explainer.save(tmp_path / "explainer.keras")
    loaded = keras.saving.load_model(tmp_path / "explainer.keras")
    for each in (explainer, loaded):
        np.testing.assert_allclose(
            each(some)["probabilities"], classifier(some), atol=1e-6
        )
    np.testing.assert_allclose(
        loaded.explain(some, 1).masks, explainer.explain(some, 1).masks, atol=1e-5
    )


def test_what_is_wrong_with_an_encoder_is_said_of_the_encoder():
    flat = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten()])
    for encoder in (flat, "resnet"):
        with pytest.raises(ValueError, match="^Argument `encoder` should"):
            kx.ExplainerModel(tiny_classifier(), encoder=encoder)


@pytest.mark.slow
def test_each_stage_of_a_mask_is_switched_off_by_itself():
    """`call` gives the second of the stages of `mask_stages.py`, `explain` the last."""
    classifier, images = tiny_classifier(activation="sigmoid"), random_images(2)
    base = kx.ExplainerModel(classifier)
    outputs = base.classifier_outputs(images)
    decoded = base.class_logits(images, outputs, training=True)
    # The classifier rules out the one class in one image.
    outputs["logits"] = np.float32([[0, 0, 0], [0, -9, 0]])
    lower = np.zeros((2, 1, 1, 3), "float32")
    lower[1, ..., 1] = 16.0 * (-9 - np.log(0.05 / 0.95))
    found = base.class_logits(images, outputs)
    np.testing.assert_allclose(found, decoded + lower, atol=1e-4)

    def like_base(**options):
        other = kx.ExplainerModel(classifier, **options)
        other.set_weights(base.get_weights())
        return other

    kept = like_base(rule_out=False)
    np.testing.assert_allclose(
        kept.class_logits(images, outputs), decoded, atol=1e-4, rtol=1e-4
    )
    masks = {
        (crf, upsampling): like_base(dense_crf=crf, upsampling=upsampling)
        .explain(images)
        .masks
        for crf in (True, False)
        for upsampling in ("guided", "bilinear")
    }
    np.testing.assert_array_equal(base.explain(images).masks, masks[True, "guided"])
    bilinear = like_base(upsampling="bilinear")
    assert not bilinear.dense_crf
    plain = bilinear.explain(images)
    np.testing.assert_array_equal(plain.masks, masks[False, "bilinear"])
    # Without CRF and guidance, what is shown is what `call` gives, enlarged as logits.
    cells = np.take_along_axis(
        np.asarray(bilinear(images)["coarse_masks"]),
        plain.classes[:, None, None],
        axis=-1,
    )
    logits = np.log(cells / (1 - cells))
    size = images.shape[1:3]
    enlarged = keras.ops.sigmoid(resize_bilinear(logits, size))
    np.testing.assert_allclose(plain.masks, enlarged, atol=1e-4)
    different = [*masks.values()]
    for one, other in itertools.combinations(different, 2):
        assert np.abs(one - other).max() > 1e-3


@pytest.mark.parametrize(
    ("argument", "value"),
    [("rule_out", "auto"), ("dense_crf", 1), ("upsampling", "cubic")],
)
def test_stages_are_switched_by_what_is_documented(argument, value):
    with pytest.raises(ValueError, match=f"`{argument}` should be .*{value!r}"):
        kx.ExplainerModel(tiny_classifier(), **{argument: value})
