"""TensorFlow: the steps of a training, on the devices of `tf.distribute`."""

import keras
import tensorflow as tf
from keras import ops

from keras_explainer.backend import replicas

# What fails inside of a step, and where another worker does not answer any more.
STEP_ERRORS = (tf.errors.OpError,)
LOST_WORKER = (
    tf.errors.AbortedError,
    tf.errors.DeadlineExceededError,
    tf.errors.UnavailableError,
)
# Whether callbacks may look at a step while the next ones are taken.
CALLBACKS_MAY_LAG = True


def compiles_steps(jit_compile):
    """Returns whether XLA compiles the steps: it fails at some networks on a GPU."""
    return jit_compile != "auto" and jit_compile


def counts(size):
    """Returns a variable (size,) that steps count in, which no model tracks."""
    return tf.Variable(
        [0.0] * size,
        trainable=False,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )


def steps_state(batch_check):
    """Returns the variables outside of a model that its steps get and return."""
    return []


class GradientStep(keras.Model):
    """The steps of a model that says what a batch is, and its losses.

    It defines `read_batch`, `losses_of` and `step_logs`, and has a `batch_check`.
    """

    def train_step(self, data):
        batch = self.read_batch(data)
        variables = [v.value for v in self.trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            loss, *report = self.losses_of(batch, True)
            # Of this device alone: Keras adds up the gradients of all.
            scaled = self.optimizer.scale_loss(replicas.share_of_mean(loss))
        gradients = tape.gradient(scaled, variables)
        sound = {**batch.sound, "loss": ops.all(ops.isfinite(loss))}
        if not isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            # That one looks for itself, and goes on with a smaller scale.
            sound["gradients"] = ops.isfinite(tf.linalg.global_norm(gradients))
        update_if = replicas.update_if
        update_if(self.batch_check.note(**sound), self._update, gradients)
        return self.step_logs(batch, loss, *report)

    def _update(self, gradients):
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))

    def test_step(self, data):
        batch = self.read_batch(data)
        loss, *report = self.losses_of(batch, False)
        self.batch_check.note(**batch.sound)
        return self.step_logs(batch, loss, *report)


def with_known_shape(labels, num_images, num_classes):
    """Returns labels of a shape that a graph does not know as rows that it knows.

    A step that was traced for indices and is traced again for rows, or the reverse,
    is told no more than that there are labels.

    Args:
        labels: Tensor, as for `multi_hot_labels`, perhaps of unknown rank or width.
        num_images: int tensor (). Number of images N.
        num_classes: int. Number of classes C.

    Returns:
        The labels, or if they are of unknown shape, float32 tensor (N, C), with -1 in
        the rows of labels that are not valid.
    """
    if labels.shape.rank is not None and None not in labels.shape[1:]:
        return labels
    return rows_of_any_form(labels, num_images, num_classes)


def rows_of_any_form(labels, num_images, num_classes):
    """Returns rows (N, C) of labels of unknown shape, as `with_known_shape` does."""
    width = tf.size(labels) // tf.maximum(num_images, 1)
    rows = tf.reshape(tf.cast(labels, "float32"), (num_images, width))
    rows = tf.pad(rows, [[0, 0], [0, num_classes]])[:, :num_classes]
    rows.set_shape((None, num_classes))
    one_hot = tf.cast(rows[:, :1] == tf.range(num_classes, dtype="float32"), "float32")
    is_class = tf.reduce_any(one_hot > 0, axis=1, keepdims=True)
    of_indices = tf.where(is_class & (width == 1), one_hot, -1.0)
    return tf.where(width == num_classes, rows, of_indices)
