"""What `fit` does when a run is interrupted or the loss is no number any more."""

import keras
import numpy as np
import pytest
from conftest import random_images
from conftest import tiny_classifier

import keras_explainer as kx

pytestmark = pytest.mark.usefixtures("eager")
IMAGES, LABELS = random_images(8), np.arange(8) % 3


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
