"""What the draws of a training step depend on: the training's seed and the step."""

import keras
import numpy as np
import tensorflow as tf

from keras_explainer.drawn_seed import drawn_seed
from keras_explainer.replicas import of_first_worker


class StepSeed(keras.layers.Layer):
    """Keeps the seed of a training, so that it goes on as it would have.

    The seed follows `keras.utils.set_random_seed`. It is saved with the explainer, and
    is no weight of it.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        # Keras counts a generator's state among the variables, not the weights.
        self.generator = keras.random.SeedGenerator(drawn_seed())
        self.built = True

    def draw(self, strategy):
        """Draws another seed, for a training that begins.

        Args:
            strategy: The `tf.distribute` strategy that it is made by.
        """
        self.generator.state.assign([of_first_worker(drawn_seed(), strategy), 0])

    def of_step(self, step):
        """Returns the number, int64 (), on which alone the draws of a step depend.

        Args:
            step: int tensor (), the number of the step.
        """
        seed = tf.cast(self.generator.state[0], "int64")
        return tf.bitwise.left_shift(seed, 32) + tf.cast(step, "int64")

    def save_own_variables(self, store):
        store["0"] = np.asarray(self.generator.state)

    def load_own_variables(self, store):
        # Files from before there was a seed: what a step drew was that of seed 0.
        self.generator.state.assign(store["0"] if "0" in store.keys() else [0, 0])
