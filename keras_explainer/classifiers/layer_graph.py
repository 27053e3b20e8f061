"""A Keras model as one flat list of layer calls, nested models opened."""

import collections
import inspect
import warnings

import keras
from keras import ops
from keras import tree

from keras_explainer import backend
from keras_explainer import keras_internals
from keras_explainer.classifiers.graph_problem import no_graph_problem
from keras_explainer.classifiers.graph_problem import several_outputs_problem
from keras_explainer.classifiers.opaque_call import OpaqueCall
from keras_explainer.classifiers.other_inputs import OtherInputs
from keras_explainer.classifiers.other_inputs import place_of_images
from keras_explainer.keras_internals import graph_calls


class Tensor(int):
    """The number of a tensor in a `LayerGraph`."""


# One layer call: `arguments` is (args, kwargs) with every Keras tensor replaced
# by its number.
Call = collections.namedtuple("Call", ["operation", "arguments", "inputs", "outputs"])


class LayerGraph:
    """A functional or Sequential Keras model as one flat list of layer calls.

    Nested models are opened, so that tensors inside `base` of
    `Dense()(base(images))` can be read. The model is only read: its layers are
    called again when the graph is run, and nothing is added to them.

    Args:
        model: A built functional or Sequential `keras.Model` with one output, or a
            subclassed one that Keras can trace.
        image_size: int, pixels. Height and width assumed where the model leaves
            them open. Defaults to 224.
        image_shape: Tuple (H, W, channels) of the images of a model, layer or
            function that has no such graph: it is then read as a single call. None
            refuses it.
        image_input: String or int. Which of several inputs are the images: its name
            or place; None takes the only one of images. The others are `other_inputs`.

    Raises:
        ValueError: If the model has no graph, no such input, or several outputs.
    """

    def __init__(self, model, image_size=224, image_shape=None, image_input=None):
        self.calls = []
        self.specs = {}
        self.producers = {}
        self.constants = {}
        functional = _as_functional(model)
        if functional is None and image_shape is None:
            functional = _opened(model)
        if functional is None:
            if not callable(model):
                raise ValueError(no_graph_problem(model))
            self.other_inputs = OtherInputs(self)
            self._read_as_one_call(OpaqueCall(model, image_shape), image_shape)
            return
        if len(functional.outputs) != 1:
            raise ValueError(several_outputs_problem(functional))
        inputs = [self._new_input(spec, image_size) for spec in functional.inputs]
        self.input_names = keras_internals.input_keys(functional)
        self.image_place = place_of_images(functional, self.input_names, image_input)
        self.input_spec = functional.inputs[self.image_place]
        self.input = inputs[self.image_place]
        self.other_inputs = OtherInputs(self, (i for i in inputs if i != self.input))
        (self.output,) = self._read(functional, inputs)

    def shape(self, tensor):
        """Returns the static shape of a tensor, with None for the batch."""
        return tuple(self.specs[tensor].shape)

    def is_spatial(self, tensor):
        """Returns whether a tensor is an (N, H, W, C) map larger than 1x1."""
        shape = self.shape(tensor)
        return len(shape) == 4 and None not in shape[1:] and shape[1] * shape[2] > 1

    def calls_between(self, sources, targets):
        """Returns the calls that compute `targets` from `sources`, in order."""
        needed, calls = set(targets), []
        for call in reversed(self.calls):
            if any(out in needed and out not in sources for out in call.outputs):
                calls.append(call)
                needed.update(call.inputs)
        return calls[::-1]

    def run(self, values, targets, training=False, rows=None):
        """Computes `targets`, by default in inference mode.

        Args:
            values: Dict from the number of a tensor to its value. Where to start.
            targets: List of int. Numbers of tensors.
            training: Boolean. Passed to every layer that asks for it.
            rows: int tensor (M,), which of the rows that `other_inputs` are given goes
                with each of the M that are started from; by default each its own.

        Returns:
            The list of values of `targets`.

        Raises:
            ValueError: If the targets need other inputs, and these are not given.
        """
        if self.other_inputs:
            count = ops.shape(next(iter(values.values())))[0]
            values = {**self.other_inputs.for_images(count, rows), **values}
        values = {**self.constants, **values}
        for call in self.calls_between(set(values), targets):
            if not values.keys() >= set(call.inputs):
                raise ValueError(
                    "Images should come with the other inputs of the classifier, as "
                    "`explain`, `fit` and the explainer itself take them. Received: "
                    f"images without what '{call.operation.name}' reads"
                )
            args, kwargs = _with_values(call.arguments, values)
            if _takes_training(call.operation):
                kwargs = {**kwargs, "training": training}
            outputs = call.operation(*args, **kwargs)
            values.update(zip(call.outputs, tree.flatten(outputs)))
        return [values[target] for target in targets]

    def replace_operation(self, tensor, operation):
        """Makes another operation compute `tensor` from the same inputs."""
        call = self.producers[tensor]
        self._replace(call, call._replace(operation=operation))

    def insert(self, operation, inputs):
        """Adds a call of an operation of one output, and returns its number.

        It comes right after the calls that make its inputs.
        """
        spec = operation.compute_output_spec(*(self.specs[i] for i in inputs))
        output = self._new_tensor(spec)
        call = Call(operation, (tuple(inputs), {}), tuple(inputs), (output,))
        place = max(self.calls.index(self.producers[i]) for i in inputs)
        self.calls.insert(place + 1, call)
        self.producers[output] = call
        return output

    def add_output(self, call, operation, spec):
        """Lets an operation that gives one tensor more make a call; returns its number.

        Args:
            call: `Call` of the graph.
            operation: What returns the outputs of the call, and one of `spec`.
            spec: `keras.KerasTensor`.
        """
        output = self._new_tensor(spec)
        outputs = (*call.outputs, output)
        self._replace(call, call._replace(operation=operation, outputs=outputs))
        return output

    def redirect(self, tensor, other, users):
        """Lets the calls that make `users` read another tensor in place of one."""
        for call in {id(c): c for c in map(self.producers.get, users)}.values():
            arguments = tree.map_structure(
                lambda x: other if isinstance(x, Tensor) and x == tensor else x,
                call.arguments,
            )
            inputs = tuple(other if i == tensor else i for i in call.inputs)
            self._replace(call, call._replace(arguments=arguments, inputs=inputs))

    def open_layers(self, fixed=False):
        """Opens layers that are made of layers, as nested models are.

        Keras's own layers stay whole, and so does what Keras cannot trace, or what
        does something else when it is called. Tensors keep their numbers. What reads
        no more of images than their size, as rotary embeddings of positions do, is
        computed once.

        Args:
            fixed: Boolean. Whether to open also what then takes no other number of
                tokens.
        """
        for call in filter(self._is_constant, list(self.calls)):
            self._fold(call)
        calls, self.calls = self.calls, []
        used = {number for call in calls for number in call.inputs} | {self.output}
        for call in calls:
            self._open(call, used, fixed)
        self.producers = {o: call for call in self.calls for o in call.outputs}

    def _is_constant(self, call):
        """Returns whether a call makes nothing for each image of a batch."""
        batches = [self.shape(tensor)[:1] for tensor in call.outputs]
        return self.shape(self.input)[0] is None and (None,) not in batches

    def _fold(self, call):
        """Takes a call out of the graph, and keeps what it computes."""
        image = self.specs[self.input]
        with backend.outside_graph():
            blank = ops.zeros((1, *image.shape[1:]), image.dtype)
            values = self.run({self.input: blank}, call.outputs)
        self.constants.update(zip(call.outputs, values))
        self.calls.remove(call)

    def _open(self, call, used, fixed):
        """Appends a call, or those inside its layer."""
        specs = {number: self.specs[number] for number in call.inputs}
        inside = keras_internals.opened(
            call.operation,
            lambda values: _with_values(call.arguments, values),
            specs,
            fixed,
        )
        if inside is None:
            self.calls.append(call)
            return
        start = len(self.calls)
        made = self._read(inside, list(specs))
        inner, self.calls[start:] = self.calls[start:], []
        names = {m: o for m, o in zip(made, call.outputs) if o in used}
        if len(names) < len(used.intersection(call.outputs)) or names.keys() & specs:
            self.calls.append(call)  # One tensor is two of its outputs, or its input.
            return
        inner = [_renamed(part, names) for part in inner]
        inside_used = {number for part in inner for number in part.inputs} | used
        for part in inner:
            self._open(part, inside_used, fixed)

    def _replace(self, call, other):
        self.calls[self.calls.index(call)] = other
        for output in call.outputs:
            self.producers[output] = other

    def _new_input(self, spec, image_size):
        shape = spec.shape
        if len(shape) == 4:
            height, width = (size or image_size for size in shape[1:3])
            shape = (None, height, width, shape[3])
        return self._new_tensor(keras.KerasTensor(shape, dtype=spec.dtype))

    def _new_tensor(self, spec):
        tensor = Tensor(len(self.specs))
        self.specs[tensor] = spec
        return tensor

    def _read_as_one_call(self, function, image_shape):
        self.input_spec = keras.KerasTensor((None, *image_shape), dtype="float32")
        self.input_names, self.image_place = ["images"], 0
        self.input = self._new_tensor(self.input_spec)
        answer = keras.KerasTensor((None, function.outputs), dtype="float32")
        self.output = self._new_tensor(answer)
        arguments = ((self.input,), {})
        call = Call(function, arguments, (self.input,), (self.output,))
        self.calls.append(call)
        self.producers[self.output] = call

    def _read(self, model, inputs):
        """Appends the calls of `model`; returns the numbers of its outputs."""
        numbers = {id(t): n for t, n in zip(tree.flatten(model.inputs), inputs)}
        for operation, arguments, input_tensors, output_tensors in graph_calls(model):
            if all(id(t) in numbers for t in output_tensors):
                continue
            arguments = tree.map_structure(
                lambda x: numbers[id(x)] if isinstance(x, keras.KerasTensor) else x,
                arguments,
            )
            inputs = tuple(numbers[id(t)] for t in input_tensors)
            nested = _as_functional(operation)
            if nested is not None and len(nested.inputs) == len(inputs):
                outputs = self._read(nested, inputs)
            else:
                specs = self._output_specs(operation, arguments, output_tensors)
                outputs = tuple(self._new_tensor(spec) for spec in specs)
                call = Call(operation, arguments, inputs, outputs)
                self.calls.append(call)
                self.producers.update({output: call for output in outputs})
            numbers.update({id(t): n for t, n in zip(output_tensors, outputs)})
        return [numbers[id(t)] for t in tree.flatten(model.outputs)]

    def _output_specs(self, operation, arguments, output_tensors):
        """Returns the outputs' specs, inferred where the model leaves sizes open."""
        if all(None not in t.shape[1:] for t in output_tensors):
            return output_tensors
        args, kwargs = _with_values(arguments, self.specs)
        return tree.flatten(operation.compute_output_spec(*args, **kwargs))


def has_graph(model):
    """Returns whether a model can be read layer by layer."""
    return _as_functional(model) is not None


def _as_functional(model):
    """Returns the functional graph of a model, or None if it has none."""
    if isinstance(model, keras.Sequential):
        if not model.built:
            return None
        model = keras.Model(model.inputs, model.outputs, name=model.name)
    return model if keras_internals.has_graph(model) else None


def _opened(model):
    """Returns the functional graph of what a subclassed model does."""
    functional = keras_internals.opened_model(model)
    if functional is None:
        raise ValueError(no_graph_problem(model))
    warnings.warn(
        f"'{model.name}' ({type(model).__name__}) has a `call` of its own: it is read "
        "as `keras.Model(inputs, model.call(inputs))`, which gave the same scores on "
        "random images",
        stacklevel=4,
    )
    return functional


def _takes_training(operation):
    """Returns whether a call of a layer has the argument `training`."""
    if isinstance(operation, OpaqueCall):
        operation = operation.function
        if not isinstance(operation, keras.Layer):
            return False
    return "training" in inspect.signature(operation.call).parameters


def _renamed(call, names):
    """Returns a call with other numbers of tensors."""
    operation, arguments, inputs, outputs = tree.map_structure(
        lambda x: names.get(x, x) if isinstance(x, Tensor) else x, tuple(call)
    )
    return Call(operation, arguments, inputs, outputs)


def _with_values(structure, values):
    return tree.map_structure(
        lambda x: values[x] if isinstance(x, Tensor) else x, structure
    )
