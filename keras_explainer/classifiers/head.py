"""How logits are read off the end of a classifier."""

import keras
from keras import ops

from keras_explainer import backend
from keras_explainer.classifiers.without_activation import WithoutActivation

LOGITS, PROBABILITIES = "logits", "probabilities"
# Probabilities of float32 whose logarithms are finite.
_LEAST, _MOST = 1e-37, 1.0 - 2.0**-24
# A probability of exactly a half is a yes.
_TIE = 2e-7

# Keras saves these by names that it does not find when it loads them.
for _function in backend.SAVED_FUNCTIONS:
    keras.saving.get_custom_objects().setdefault(_function.__name__, _function)


@keras.saving.register_keras_serializable(package="keras_explainer")
class Head:
    """How the end of a classifier is read, found once and kept when it is saved.

    The logits are exact: `activation` of them gives what the classifier answers. A
    binary classifier, of one output, has two classes: 0 is the answer no and 1 the
    answer yes, with logits -z/2 and z/2, whose softmax is (1 - p, p).

    Args:
        activation: String. "softmax" or "sigmoid".
        outputs: int. What the classifier gives for an image.
        form: String. "logits" or "probabilities": what is in the tensor to read.
        steps: int. How many calls that tensor is before the output.
        fused: Boolean. Whether that call's own activation is left out.
        cells: String. How a cell is judged alone (`find_cell_head`), "" if it cannot
            be; None if nobody asked yet.
    """

    def __init__(
        self, activation, outputs, form=LOGITS, steps=0, fused=False, cells=None
    ):
        self.activation = activation
        self.outputs = outputs
        self.form = form
        self.steps = steps
        self.fused = fused
        self.cells = cells

    @property
    def is_binary(self):
        return self.outputs == 1

    @property
    def multi_label(self):
        """Whether an image may have several of the classes."""
        return self.activation == "sigmoid" and not self.is_binary

    @property
    def num_classes(self):
        return 2 if self.is_binary else self.outputs

    def tensor(self, graph):
        """Returns the tensor of a `LayerGraph` to read, its activation left out."""
        tensor = graph.output
        for _ in range(self.steps):
            tensor = graph.producers[tensor].inputs[0]
        if self.fused:
            layer = graph.producers[tensor].operation
            if not isinstance(layer, WithoutActivation):
                graph.replace_operation(tensor, WithoutActivation(layer))
        return tensor

    def logits(self, values):
        """Returns the logits (N, C) of what is in the tensor, float32."""
        values = ops.cast(ops.reshape(values, (-1, self.outputs)), "float32")
        if self.form == PROBABILITIES:
            values = ops.clip(values, _LEAST, _MOST)
            rest = 0.0 if self.activation == "softmax" else ops.log(1.0 - values)
            values = ops.log(values) - rest
        if self.is_binary:
            values = ops.concatenate([-values / 2 - _TIE, values / 2], axis=-1)
        return values

    def get_config(self):
        return {
            "activation": self.activation,
            "outputs": self.outputs,
            "form": self.form,
            "steps": self.steps,
            "fused": self.fused,
            "cells": self.cells,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def names_of_both_answers(names):
    """Returns the names of the answers no and yes, where only the latter is named."""
    return [f"not {names[0]}", *names] if len(names) == 1 else names
