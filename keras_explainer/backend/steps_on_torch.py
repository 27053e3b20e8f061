"""PyTorch: the steps of a training."""

import keras
import numpy as np
import torch

from keras_explainer.backend import known_shapes
from keras_explainer.backend.on_torch import detached

# What fails inside of a step is told by Python's own errors.
STEP_ERRORS = LOST_WORKER = ()
# Whether callbacks may look at a step while the next ones are taken.
CALLBACKS_MAY_LAG = True


def compiles_steps(jit_compile):
    """Returns whether PyTorch compiles the steps."""
    return jit_compile != "auto" and jit_compile


def counts(size):
    """Returns a variable (size,) that steps count in, which no model tracks."""
    return keras.Variable(np.zeros(size, "float32"), trainable=False)


def steps_state(batch_check):
    """Returns the variables outside of a model that its steps get and return."""
    return []


with_known_shape = known_shapes.with_known_shape


class GradientStep(keras.Model):
    """The steps of a model that says what a batch is, and its losses.

    It defines `read_batch`, `losses_of` and `step_logs`, and has a `batch_check`.
    """

    def train_step(self, data):
        batch = self.read_batch(data)
        loss, *report = self.losses_of(batch, True)
        variables = self.trainable_variables
        gradients = torch.autograd.grad(
            self.optimizer.scale_loss(loss.mean()),
            [variable.value for variable in variables],
            allow_unused=True,
        )
        with torch.no_grad():
            sound = {**batch.sound, "loss": torch.isfinite(loss).all()}
            if not isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
                # That one looks for itself, and goes on with a smaller scale.
                slopes = [slope for slope in gradients if slope is not None]
                squares = sum(slope.square().sum() for slope in slopes)
                sound["gradients"] = torch.isfinite(squares)
            if self.batch_check.note(**sound):
                self.optimizer.apply(list(gradients), variables)
            loss, report = detached((loss, report))
            return self.step_logs(batch, loss, *report)

    def test_step(self, data):
        batch = self.read_batch(data)
        loss, *report = self.losses_of(batch, False)
        self.batch_check.note(**batch.sound)
        return self.step_logs(batch, loss, *report)
