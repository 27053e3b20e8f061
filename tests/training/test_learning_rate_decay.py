"""The learning rate that `fit` sets by itself, and where it leaves that to others."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import indices
from conftest import random_images
from conftest import tiny_classifier
from trained import patches

import keras_explainer as kx

pytestmark = pytest.mark.usefixtures("eager")
RATE = kx.ExplainerModel.LEARNING_RATE
BATCHES = 3


def falling(epochs, batches=BATCHES):
    """The rates that Keras gives along the curve."""
    decay = keras.optimizers.schedules.CosineDecay(RATE, epochs * batches, alpha=0.02)
    return [float(decay(step)) for step in range(epochs * batches)]


class Rates(keras.callbacks.Callback):
    """Keeps the learning rate of each step."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(float(np.array(self.model.optimizer.learning_rate)))


@pytest.fixture
def no_steps(monkeypatch):
    """Leaves out what a step does: the rate is set before."""
    step = {"loss": tf.zeros(())}
    for explainer in (kx.ExplainerModel, kx.BoundedLogitAttentionExplainer):
        monkeypatch.setattr(explainer, "train_step", lambda self, data: dict(step))


def batches(count=BATCHES):
    images = random_images(2 * count, size=16), indices(2 * count)
    return tf.data.Dataset.from_tensor_slices(images).batch(2)


def made(make=kx.ExplainerModel):
    return make(tiny_classifier(size=16), background=0.0)


def rates(explainer, data=None, callbacks=(), **options):
    """The learning rates of the steps of a `fit`."""
    found = Rates()
    explainer.fit(
        data or batches(), callbacks=[found, *callbacks], verbose=0, **options
    )
    return np.float32(found.seen)


def assert_rates(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.slow
def test_weights_are_those_of_keras_own_schedule(trained_classifier):
    images, labels, _ = patches(24, seed=3)
    explainer = kx.ExplainerModel(trained_classifier(), background=0.5)
    weights = explainer.get_weights()

    def trained(optimizer):
        keras.utils.set_random_seed(1)
        explainer.compile(optimizer)
        explainer.set_weights(weights)
        explainer.fit(images, labels, batch_size=8, epochs=2, verbose=0)
        return np.concatenate([np.ravel(v) for v in explainer.trainable_variables])

    decay = keras.optimizers.schedules.CosineDecay(RATE, 6, alpha=0.02)
    found = trained("auto")
    np.testing.assert_allclose(found, trained(keras.optimizers.Adam(decay)), atol=2e-6)
    constant = trained(keras.optimizers.Adam(RATE))
    assert np.abs(found - constant).max() > 1e-3


@pytest.mark.usefixtures("no_steps")
def test_it_falls_over_each_fit_anew_and_stands_at_its_start_else():
    explainer = made()
    for _ in range(2):
        assert_rates(rates(explainer, epochs=2), falling(2))
        assert_rates(explainer.optimizer.learning_rate, RATE)
    assert_rates(rates(explainer, epochs=3, initial_epoch=1), falling(3)[BATCHES:])
    explainer.train_on_batch(random_images(2, size=16), indices(2))
    assert_rates(explainer.optimizer.learning_rate, RATE)


@pytest.mark.usefixtures("no_steps")
def test_steps_that_are_run_together_have_the_rate_of_the_first():
    explainer = made()
    explainer.compile(steps_per_execution=2)
    found = rates(explainer, batches(4), epochs=2)
    assert_rates(found, falling(2, 4)[::2])


@pytest.mark.usefixtures("no_steps")
def test_where_no_one_knows_the_number_of_batches_the_first_epoch_tells():
    unknown = batches().filter(lambda *batch: True)
    first = [RATE] * BATCHES
    assert_rates(rates(made(), unknown, epochs=2), first + falling(2)[BATCHES:])
    assert_rates(rates(made(), unknown), first)
    generator = (batch for batch in batches().repeat())
    found = rates(made(), generator, epochs=2, steps_per_epoch=BATCHES)
    assert_rates(found, falling(2))


@pytest.mark.slow
def test_an_interrupted_fit_goes_on_along_the_curve(tmp_path):
    whole, parted = made(), made()
    parted.set_weights(whole.get_weights())

    def interrupt(epoch, logs):
        if epoch == 1:
            raise KeyboardInterrupt

    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    stop = keras.callbacks.LambdaCallback(on_epoch_begin=interrupt)
    keras.utils.set_random_seed(5)
    assert_rates(rates(whole, epochs=3), falling(3))
    keras.utils.set_random_seed(5)
    with pytest.raises(KeyboardInterrupt):
        rates(parted, callbacks=[backup, stop], epochs=3)
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    found = rates(parted, callbacks=[backup], epochs=3)
    assert_rates(found, falling(3)[BATCHES:])
    for one, other in zip(whole.get_weights(), parted.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.usefixtures("no_steps")
def test_a_rate_of_the_users_own_stays_theirs():
    explainer = made()
    by_epoch = keras.callbacks.LearningRateScheduler(lambda epoch, _: 0.1 / (1 + epoch))
    found = rates(explainer, callbacks=[by_epoch], epochs=2)
    assert_rates(found, [0.1] * BATCHES + [0.05] * BATCHES)
    explainer = made()
    plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, min_delta=1e9)
    assert_rates(rates(explainer, callbacks=[[plateau]]), [RATE] * BATCHES)
    explainer.compile(keras.optimizers.Adam(RATE))
    assert_rates(rates(explainer), [RATE] * BATCHES)


@pytest.mark.usefixtures("no_steps")
def test_siblings_keep_the_rates_of_their_papers():
    explainer = made(kx.BoundedLogitAttentionExplainer)
    assert_rates(rates(explainer), [explainer.LEARNING_RATE] * BATCHES)


@pytest.mark.usefixtures("no_steps")
def test_a_list_of_callbacks_as_keras_makes_it_does_as_well():
    explainer, found = made(), Rates()
    callbacks = keras.callbacks.CallbackList(
        [found], add_history=True, model=explainer, epochs=1, steps=BATCHES
    )
    explainer.fit(batches(), callbacks=callbacks)
    assert_rates(found.seen, falling(1))


@pytest.mark.slow
def test_under_a_scaled_loss():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        explainer = made()
        assert_rates(rates(explainer), falling(1))
    finally:
        keras.config.set_dtype_policy("float32")
    optimizer = explainer.optimizer
    assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    assert_rates(optimizer.inner_optimizer.learning_rate, RATE)


@pytest.mark.usefixtures("no_steps")
def test_it_falls_in_a_loaded_explainer_too_unless_the_file_says_how(tmp_path):
    path = tmp_path / "explainer.keras"
    explainer = made()
    saved = keras.callbacks.ModelCheckpoint(path)
    rates(explainer, callbacks=[saved], epochs=2)
    loaded = keras.saving.load_model(path)
    assert_rates(rates(loaded, epochs=2), falling(2))
    assert_rates(rates(keras.models.clone_model(loaded)), falling(1))
    # As files of earlier versions have it.
    explainer.compile(keras.optimizers.Adam(RATE))
    explainer.save(path)
    assert_rates(rates(keras.saving.load_model(path)), [RATE] * BATCHES)
