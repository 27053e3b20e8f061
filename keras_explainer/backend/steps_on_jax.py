"""JAX: the steps of a training, as functions of all that they change."""

import jax
import keras
import numpy as np
from jax import numpy as jnp
from keras import ops

from keras_explainer.backend import known_shapes

# What fails inside of a step is told by Python's own errors.
STEP_ERRORS = LOST_WORKER = ()
# Whether callbacks may look at a step while the next ones are taken: these take over
# its memory.
CALLBACKS_MAY_LAG = False


def compiles_steps(jit_compile):
    """Returns whether XLA compiles the steps, as it always does here."""
    return True


def counts(size):
    """Returns a variable (size,) that steps count in, which no model tracks."""
    return keras.Variable(np.zeros(size, "float32"), trainable=False)


def steps_state(batch_check):
    """Returns the variables outside of a model that its steps get and return."""
    return [batch_check.found]


with_known_shape = known_shapes.with_known_shape


class GradientStep(keras.Model):
    """The steps of a model that says what a batch is, and its losses.

    It defines `read_batch`, `losses_of` and `step_logs`, and has a `batch_check`.
    """

    def train_step(self, state, data):
        trained, others, of_optimizer, of_metrics = state
        batch = self.read_batch(data)

        def loss_of(trained):
            with self._stateless(trained, others, of_optimizer) as scope:
                loss, *report = self.losses_of(batch, True)
                scaled = self.optimizer.scale_loss(jnp.mean(loss))
            return scaled, (loss, report, self._others(scope, others))

        found, gradients = jax.value_and_grad(loss_of, has_aux=True)(trained)
        loss, report, others = found[1]
        sound = {**batch.sound, "loss": ops.all(ops.isfinite(loss))}
        if not isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            # That one looks for itself, and goes on with a smaller scale.
            squares = [jnp.sum(jnp.square(slope)) for slope in gradients]
            sound["gradients"] = jnp.isfinite(sum(squares))
        is_sound, others = self._noted(sound, trained, others)
        former = trained, of_optimizer
        now = self.optimizer.stateless_apply(of_optimizer, gradients, trained)
        trained, of_optimizer = jax.tree.map(
            lambda new, old: jnp.where(is_sound, new, old),
            tuple(map(list, now)),
            former,
        )
        logs, of_metrics = self._logged(of_metrics, batch, loss, *report)
        return logs, (trained, others, of_optimizer, of_metrics)

    def test_step(self, state, data):
        trained, others, of_metrics = state
        batch = self.read_batch(data)
        with self._stateless(trained, others):
            loss, *report = self.losses_of(batch, False)
        _, others = self._noted(batch.sound, trained, others)
        logs, of_metrics = self._logged(of_metrics, batch, loss, *report)
        return logs, (trained, others, of_metrics)

    def _stateless(self, trained, others, of_optimizer=()):
        variables = [*self.trainable_variables, *self.non_trainable_variables]
        mapping = list(zip(variables, [*trained, *others]))
        mapping += zip(self.optimizer.variables, of_optimizer)
        return keras.StatelessScope(state_mapping=mapping)

    def _others(self, scope, former):
        """Returns the values of what is not trained, as a scope leaves them."""
        return [
            value
            if scope.get_current_value(variable) is None
            else scope.get_current_value(variable)
            for variable, value in zip(self.non_trainable_variables, former)
        ]

    def _noted(self, sound, trained, others):
        with self._stateless(trained, others) as scope:
            is_sound = self.batch_check.note(**sound)
        return is_sound, self._others(scope, others)

    def _logged(self, of_metrics, *report):
        variables = self.metrics_variables
        mapping = list(zip(variables, of_metrics))
        with keras.StatelessScope(state_mapping=mapping) as scope:
            logs = self.step_logs(*report)
        found = [scope.get_current_value(variable) for variable in variables]
        pairs = zip(found, of_metrics)
        return logs, [old if new is None else new for new, old in pairs]
