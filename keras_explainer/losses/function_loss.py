"""A function of the user's own as the objective of an `ExplainerModel`."""

import inspect

import keras

from keras_explainer.losses.objective import Objective


@keras.saving.register_keras_serializable(package="keras_explainer")
class FunctionLoss(Objective):
    """Makes a function of `StepOutputs` an objective; `compile` does so by itself.

    Args:
        function: Function from the `StepOutputs` of a step to the loss (N,) of each
            image. To be found when an explainer is loaded, it has the decorator
            `@keras.saving.register_keras_serializable()`.

    Raises:
        ValueError: If it is none.

    Example:

    ```python
    @keras.saving.register_keras_serializable()
    def small_and_sure(step):
        answer = keras.ops.binary_crossentropy(
            step.labels, step.kept_logits, from_logits=True
        )
        area = keras.ops.mean(step.target_mask, axis=(1, 2))
        return keras.ops.mean(answer, axis=-1) + 2 * area


    explainer.compile(loss=small_and_sure)
    ```
    """

    TERMS = ("objective",)
    # It may; a graph leaves out what it does not ask for.
    reads_features = reads_background = True

    def __init__(self, function):
        try:
            if isinstance(function, type):
                raise TypeError("A class is none of its instances.")
            inspect.signature(function).bind(None)
        except (TypeError, ValueError):
            raise ValueError(
                'Argument `loss` should be "auto", a `keras_explainer.ExplainerLoss`, '
                "or a function from the `StepOutputs` of a step to the loss (N,) of "
                f"each image. Received: {function!r}"
            ) from None
        super().__init__()
        self.function = function

    def __call__(self, step):
        """Returns the loss of each image as the dict of the one term, "objective".

        Args:
            step: The `StepOutputs`.

        Raises:
            ValueError: If the function returns anything but one number for each image.
        """
        value = self.function(step)
        shape = getattr(value, "shape", None)
        if shape is None or len(shape) != 1:
            raise ValueError(
                "Argument `loss` should return one number for each image, a tensor of "
                "shape (N,); take the mean over the other axes. Received: "
                f"{'a ' + type(value).__name__ if shape is None else f'shape {shape}'}"
            )
        return {"objective": value}

    def get_config(self):
        return {"function": keras.saving.serialize_keras_object(self.function)}

    @classmethod
    def from_config(cls, config):
        saved = config["function"]
        try:
            return cls(keras.saving.deserialize_keras_object(saved))
        except TypeError:  # As Keras says that it does not find a function.
            name = saved["config"]
            raise ValueError(
                "Argument `custom_objects` should have the loss that the explainer was "
                f'compiled with, as in `load_model(path, custom_objects={{"{name}": '
                f"{name}}})`; with `compile=False` it loads without. Received: could "
                f"not locate function {name!r}"
            ) from None
