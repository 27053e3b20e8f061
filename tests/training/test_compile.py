"""What `compile` of an `ExplainerModel` takes: any loss, and what is drawn."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import random_images
from conftest import tiny_classifier

import keras_explainer as kx
from keras_explainer.command_line.command_error import UsageError
from keras_explainer.loading.load_explainer import load_explainer

LABELS = np.float32([[1, 0, 1], [0, 1, 0]])


@keras.saving.register_keras_serializable(package="tests")
def all_terms(step):
    return sum(kx.ExplainerLoss()(step).values())


def loss_and_gradient(explainer):
    logits = tf.constant(np.random.default_rng(0).normal(size=(2, 8, 8, 3)), "float32")
    explainer.class_logits = lambda *_: logits
    images = random_images(2)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        outputs = explainer.classifier_outputs(images)
        terms, kept = explainer.step_terms(images, outputs, LABELS, training=True)
        loss = sum(terms.values())
    return terms, loss, tape.gradient(loss, logits), kept


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_a_function_of_the_step_learns_as_the_loss_that_it_computes(activation):
    """The one needs both passes at once, the other one after the other."""
    explainer = kx.ExplainerModel(tiny_classifier(activation=activation))
    explainer.compile(augmentation=0.0, composites=0.0, crops=0.0)
    by_parts = loss_and_gradient(explainer)
    explainer.compile(loss=all_terms, augmentation=0.0, composites=0.0, crops=0.0)
    at_once = loss_and_gradient(explainer)
    assert [*at_once[0]] == ["objective"] and len(by_parts[0]) == 5
    for one, other in zip(by_parts[1:], at_once[1:]):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    assert np.abs(at_once[2]).max() > 1e-3


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_a_function_trains_reports_its_loss_alone_and_comes_back(tmp_path):
    explainer = kx.ExplainerModel(tiny_classifier(activation="sigmoid"))
    drawn = {"composites": 0.75, "crops": 1, "augmentation": 0.5, "single_label": 0.25}
    explainer.compile(loss=all_terms, **drawn)
    images = random_images(2)
    before = [np.array(weights) for weights in explainer.trainable_variables]
    data = images, LABELS
    history = explainer.fit(*data, validation_data=data, verbose=0).history
    assert {*history} == {"loss", "val_loss"} and np.isfinite(history["loss"]).all()
    after = explainer.trainable_variables
    assert any((old != new.numpy()).any() for old, new in zip(before, after))
    explainer.save(tmp_path / "e.keras")
    again = keras.saving.load_model(tmp_path / "e.keras")
    assert again.explainer_loss.function is all_terms
    assert vars(again.draws) == drawn
    expected = explainer.evaluate(*data, verbose=0)
    np.testing.assert_allclose(again.evaluate(*data, verbose=0), expected, rtol=1e-5)
    # With a loss of four terms, they are reported again.
    again.compile()
    assert {*kx.ExplainerLoss.TERMS} < {*again.fit(*data, verbose=0).history}


@pytest.mark.slow
def test_a_function_that_is_not_registered_is_asked_for(tmp_path):
    def nowhere(step):
        return keras.ops.mean(step.target_mask, axis=(1, 2))

    explainer = kx.ExplainerModel(tiny_classifier())
    explainer.compile(loss=nowhere)
    path = tmp_path / "e.keras"
    explainer.save(path)
    with pytest.raises(ValueError, match="`custom_objects` .*Received: .*'nowhere'"):
        keras.saving.load_model(path)
    again = keras.saving.load_model(path, custom_objects={"nowhere": nowhere})
    assert again.explainer_loss.function is nowhere
    again = keras.saving.load_model(path, compile=False)
    assert type(again.explainer_loss) is kx.ExplainerLoss


@pytest.mark.parametrize(
    "loss", [kx.ExplainerLoss, "mse", keras.losses.MeanSquaredError(), 3, len(" ")]
)
def test_what_is_no_loss_is_refused(loss):
    explainer = kx.ExplainerModel(tiny_classifier())
    with pytest.raises(ValueError, match="Argument `loss` should be .*Received"):
        explainer.compile(loss=loss)


def test_a_function_should_return_one_number_for_each_image():
    explainer = kx.ExplainerModel(tiny_classifier())
    explainer.compile(loss=lambda step: keras.ops.mean(step.target_mask))
    with pytest.raises(ValueError, match=r"`loss` should return .*shape \(\)"):
        explainer.fit(random_images(2), [0, 1], verbose=0)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("composites", -1),
        ("crops", 1.5),
        ("augmentation", 2),
        ("single_label", "all"),
        ("inpainting", 1),
    ],
)
def test_what_is_drawn_is_checked(argument, value):
    explainer = kx.ExplainerModel(tiny_classifier())
    with pytest.raises(
        ValueError, match=f"`{argument}` should be .*Received: {value!r}"
    ):
        explainer.compile(**{argument: value})


def test_a_published_loss_draws_nothing_and_fills_nothing():
    explainer = kx.ExplainerModel(tiny_classifier())
    draws = {"composites": 0.5, "crops": 0.5, "augmentation": 0.7, "single_label": 0.0}
    assert vars(explainer.draws) == draws and explainer.inpainting
    several = kx.ExplainerModel(tiny_classifier(activation="sigmoid"))
    assert vars(several.draws) == draws
    explainer.compile(loss=kx.ExplainerLoss.published("voc2007", "vgg16"))
    assert not any(vars(explainer.draws).values()) and not explainer.inpainting
    loss = kx.ExplainerLoss.published("voc2007", "vgg16")
    explainer.compile(loss=loss, augmentation=0.5, composites=0.2, inpainting=True)
    draws = {**draws, "composites": 0.2, "crops": 0.0, "augmentation": 0.5}
    assert vars(explainer.draws) == draws and explainer.inpainting


def test_what_earlier_files_say_of_the_loss_is_what_is_drawn():
    explainer = kx.ExplainerModel(tiny_classifier())
    config = explainer.get_compile_config()
    for name in ("composites", "crops", "augmentation", "single_label", "inpainting"):
        del config[name]
    config["loss"]["config"].update(alone=0.3, degraded=0.25, inpaint=False)
    explainer.compile_from_config(config)
    draws = {"composites": 0.0, "crops": 0.0, "augmentation": 0.25, "single_label": 0.3}
    assert vars(explainer.draws) == draws
    assert not explainer.inpainting


def test_the_command_line_says_whose_the_loss_is(tmp_path):
    def nowhere(step):
        return keras.ops.mean(step.target_mask, axis=(1, 2))

    explainer = kx.ExplainerModel(tiny_classifier())
    explainer.compile(loss=nowhere)
    explainer.save(tmp_path / "e.keras")
    with pytest.raises(
        UsageError, match="needs nowhere, of its author's own: --import"
    ):
        load_explainer(tmp_path / "e.keras")
