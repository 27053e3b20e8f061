"""What the draws of a training step depend on: the training's seed and the step."""

import keras

from keras_explainer import backend
from keras_explainer.drawn_seed import drawn_seed
from keras_explainer.value_of_variable import value_of_variable


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

    def draw(self, explainer):
        """Draws another seed, for a training that begins.

        Args:
            explainer: What is trained.
        """
        seed = backend.of_first_worker(drawn_seed(), explainer)
        self.generator.state.assign([seed, 0])

    def of_step(self, step):
        """Returns the number on which alone the draws of a step depend.

        Args:
            step: int tensor (), the number of the step.
        """
        return backend.step_number(self.generator.state[0], step)

    def save_own_variables(self, store):
        store["0"] = value_of_variable(self.generator.state)

    def load_own_variables(self, store):
        # Files from before there was a seed: what a step drew was that of seed 0.
        self.generator.state.assign(store["0"] if "0" in store.keys() else [0, 0])
