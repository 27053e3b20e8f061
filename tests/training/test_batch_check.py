"""What `fit` does at bad batches, in every mode, and when a run is interrupted."""

import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import random_images
from conftest import tiny_classifier
from explainer_kinds import EXPLAINERS
from explainer_kinds import every_kind
from modes_program import FAULTS
from modes_program import ONE_TRACE
from modes_program import bad_batches
from modes_program import outcome
from test_several_devices import started

import keras_explainer as kx

pytestmark = pytest.mark.usefixtures("eager")
IMAGES, LABELS = random_images(8), np.arange(8) % 3


TOLD = {
    "image": "ValueError: Images should be finite. Received: NaN or infinity",
    **dict.fromkeys(
        ("label", "fraction", "rows"),
        "ValueError: Labels should be whole numbers from 0 to 2, or rows of 0 and 1. "
        "Received: another value in a later batch",
    ),
    "weights": "FloatingPointError: Training should keep the loss finite",
}


def assert_refused(found, fault):
    assert found["told"].startswith(TOLD[fault])
    assert found["changed"] == 0


@pytest.mark.slow
@every_kind
def test_a_bad_batch_changes_nothing(make):
    explainer = make(tiny_classifier())
    for fault in FAULTS:
        assert_refused(outcome(explainer, fault), fault)


@pytest.mark.slow
@pytest.mark.parametrize("kind, xla", [("explainer", False), ("l2x", True)])
def test_a_bad_batch_changes_nothing_in_a_traced_step(kind, xla):
    tf.config.run_functions_eagerly(False)
    explainer = EXPLAINERS[kind](tiny_classifier())
    explainer.compile(jit_compile=xla)
    for fault in ONE_TRACE:
        assert_refused(outcome(explainer, fault), fault)


@pytest.mark.slow
def test_no_batch_after_a_bad_one_is_learned_in_the_same_call():
    tf.config.run_functions_eagerly(False)
    explainer = kx.L2XExplainer(tiny_classifier(), grid=4)
    explainer.compile(steps_per_execution=3)
    three = bad_batches("image").concatenate(bad_batches("image").take(1))
    with pytest.raises(ValueError, match="Images should be finite"):
        explainer.fit(three, verbose=0)
    assert int(explainer.optimizer.iterations) == 1


# A mode does what it does otherwise for all kinds alike.
ALL = tuple(EXPLAINERS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "mode, faults, kinds",
    [
        ("two", ONE_TRACE, ("l2x",)),
        *(
            pytest.param(mode, FAULTS, ALL, marks=pytest.mark.thorough)
            for mode in ("graph", "xla", "two")
        ),
    ],
)
def test_a_bad_batch_changes_nothing_in_any_mode(mode, faults, kinds):
    program = pathlib.Path(__file__).with_name("modes_program.py")
    process = started(mode, ",".join(faults), *kinds, program=program)
    told = process.communicate(timeout=900)[0]
    assert process.returncode == 0, told[-3000:]
    found = [json.loads(line) for line in told.splitlines() if line[:1] == "{"]
    assert len(found) == len(kinds) * len(faults)
    for each in found:
        assert_refused(each, each["fault"])


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["image", "label"])
def test_a_bad_batch_of_validation_ends_the_run(fault):
    explainer = kx.ExplainerModel(tiny_classifier())
    # One fault in a graph, the other sooner.
    explainer.compile(run_eagerly=fault == "label")
    message = TOLD[fault].removeprefix("ValueError: ")
    with pytest.raises(ValueError, match=message):
        explainer.evaluate(bad_batches(fault), verbose=0)
    with pytest.raises(ValueError, match=message):
        explainer.fit(IMAGES, validation_data=bad_batches(fault), verbose=0)
    # What was noted is of that run alone.
    assert np.isfinite(explainer.evaluate(IMAGES, verbose=0)[0])


def test_bad_batches_by_hand_are_told_too():
    explainer = kx.ExplainerModel(tiny_classifier())
    with pytest.raises(ValueError, match="0 to 2. Received: 9"):
        explainer.train_on_batch(IMAGES, np.full(8, 9))
    explainer.class_head.offset.assign(np.nan)
    with pytest.raises(FloatingPointError, match="Received: a loss of nan"):
        explainer.train_on_batch(IMAGES, LABELS)
    assert int(explainer.optimizer.iterations) == 0


def test_a_gradient_that_is_not_finite_is_not_learned(monkeypatch):
    explainer = kx.ExplainerModel(tiny_classifier())
    terms = explainer.step_terms

    def steep(*arguments):
        values, kept = terms(*arguments)
        # The root has a value at 0, and no finite slope.
        root = tf.sqrt(0.0 * explainer.class_head.trainable_variables[0].value)
        return {**values, "area": values["area"] + tf.reduce_sum(root)}, kept

    monkeypatch.setattr(explainer, "step_terms", steep)
    with pytest.raises(FloatingPointError, match="gradients that are not finite, and"):
        explainer.fit(IMAGES, LABELS, verbose=0)
    assert int(explainer.optimizer.iterations) == 0


@pytest.mark.slow
def test_xla_is_there_only_when_asked_for(tmp_path):
    explainer = kx.ExplainerModel(tiny_classifier())
    assert explainer.jit_compile is False
    explainer.compile(jit_compile="auto")
    assert explainer.jit_compile is False
    explainer.compile(jit_compile=True)
    assert explainer.jit_compile is True
    explainer.save(tmp_path / "explainer.keras")
    assert keras.saving.load_model(tmp_path / "explainer.keras").jit_compile is True


def at_epoch(number, act):
    return keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: act() if epoch == number else None
    )


def trained(explainer, *callbacks):
    return explainer.fit(
        IMAGES,
        LABELS,
        batch_size=4,
        epochs=3,
        shuffle=False,
        verbose=0,
        callbacks=list(callbacks),
    )


@pytest.mark.slow
def test_a_loss_that_is_no_number_is_told_with_its_step_and_terms(tmp_path):
    explainer = kx.ExplainerModel(tiny_classifier())
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    saved = []

    def spoil():
        saved.append([np.array(v) for v in explainer.trainable_variables])
        explainer.class_head.offset.assign(np.nan)

    message = r"loss of nan in step 1 of epoch 2 \(classification nan, entropy nan"
    with pytest.raises(FloatingPointError, match=message):
        trained(explainer, at_epoch(1, spoil), backup)
    again = kx.ExplainerModel(tiny_classifier())
    again.load_weights(tmp_path / "backup" / "latest.weights.h5")
    for kept, before in zip(again.trainable_variables, saved[0], strict=True):
        np.testing.assert_array_equal(kept, before)


@pytest.mark.slow
def test_backup_and_restore_goes_on_as_if_never_interrupted(tmp_path):
    expected = kx.ExplainerModel(tiny_classifier())
    trained(expected)

    def interrupt():
        raise KeyboardInterrupt

    def backup():
        return keras.callbacks.BackupAndRestore(tmp_path / "backup")

    keras.utils.set_random_seed(0)
    with pytest.raises(KeyboardInterrupt):
        trained(kx.ExplainerModel(tiny_classifier()), at_epoch(2, interrupt), backup())
    found = kx.ExplainerModel(tiny_classifier())
    history = trained(found, backup()).history
    assert len(history["loss"]) == 1
    assert int(found.optimizer.iterations) == 6
    for one, other in zip(
        found.trainable_variables, expected.trainable_variables, strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.slow
def test_steps_by_hand_look_at_the_first_images_only(monkeypatch):
    explainer, looked = kx.ExplainerModel(tiny_classifier()), []
    follow = explainer.follow
    monkeypatch.setattr(
        explainer, "follow", lambda images: (looked.append(images), follow(images))
    )
    for _ in range(3):
        explainer.train_on_batch(IMAGES, LABELS)
    assert len(looked) == 1 and not explainer.background.to_measure
