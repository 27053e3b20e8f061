"""What a classifier takes beside the images: a table of metadata, another view."""

import contextlib
import threading

import numpy as np
from keras import ops

from keras_explainer import backend

# What graphs are given, each thread by itself: replicas trace at the same time.
_GIVEN = threading.local()


def place_of_images(model, names, image_input):
    """Returns the place of the images among the inputs of a model.

    Args:
        model: A functional `keras.Model`.
        names: List of strings, of its inputs.
        image_input: String, the name of the input, or int, its place. None takes the
            only input, or the only one of shape (N, H, W, channels).

    Returns:
        int.

    Raises:
        ValueError: If it has no such input, or several and none is named.
    """
    shapes = [tuple(tensor.shape) for tensor in model.inputs]
    if image_input is None:
        images = [i for i, shape in enumerate(shapes) if len(shape) == 4]
        if len(shapes) == 1:
            return 0
        if len(images) == 1:
            return images[0]
        example = repr(names[images[0]]) if images else "..."
        raise ValueError(
            "Argument `image_input` should name the input whose pixels are explained, "
            f"by `image_input={example}`. Received: None, for '{model.name}' with the "
            f"inputs {_listed(names, shapes)}"
        )
    place = names.index(image_input) if image_input in names else image_input
    if type(place) is not int or not 0 <= place < len(shapes):
        raise ValueError(
            "Argument `image_input` should be the name of an input of the classifier, "
            f"or its place, among {_listed(names, shapes)}. Received: {image_input!r}"
        )
    return place


def _listed(names, shapes):
    return ", ".join(f"'{name}' {shape}" for name, shape in zip(names, shapes))


class OtherInputs:
    """The inputs of a `LayerGraph` beside the images, and what they are given.

    What depends on them alone is computed once for the images of a batch, however
    often these are then shown to the classifier.

    Args:
        graph: `LayerGraph`.
        tensors: List of int. Their numbers in the graph.
    """

    def __init__(self, graph, tensors=()):
        self.graph = graph
        self.tensors = list(tensors)

    def __bool__(self):
        return bool(self.tensors)

    @property
    def specs(self):
        """List of their `keras.KerasTensor`s."""
        return [self.graph.specs[tensor] for tensor in self.tensors]

    @property
    def values(self):
        """Tuple of what they are given at present, or () if that is nothing."""
        return self._now()[0]

    @contextlib.contextmanager
    def given(self, values):
        """Lets the graph run on images with these values, inside of a `with` block.

        Args:
            values: List of arrays or tensors (N, ...), one for each input; or empty,
                which changes nothing.
        """
        if not self.tensors or not len(values):
            yield
            return
        with self._set(((), {})):
            now = self._computed(values)
        with self._set(now):
            yield

    def given_rows(self, index):
        """As `given`, with some rows of what is given at present."""
        return self.given([ops.take(value, index, axis=0) for value in self.values])

    @contextlib.contextmanager
    def given_examples(self):
        """As `given`, with one row of made-up values, to try out what layers do."""
        random, rows = np.random.default_rng(0), []
        for tensor in self.tensors:
            spec = self.graph.specs[tensor]
            shape = (1, *(size or 1 for size in spec.shape[1:]))
            is_float = "float" in spec.dtype
            rows.append(random.normal(size=shape) if is_float else np.zeros(shape))
        with self._set(((), {})), backend.outside_graph():
            now = self._computed(rows)
        with self._set(now):
            yield

    def for_images(self, count, rows=None):
        """Returns the values of tensors that depend on these inputs alone.

        Args:
            count: int or int tensor (), M. How many images are shown.
            rows: int tensor (M,), which of the N given rows goes with each image.
                None: each with its own; of M = N k images, k in a row with each.

        Returns:
            Dict from the numbers of tensors to values of M rows.
        """
        found = {}
        for tensor, value in self._now()[1].items():
            if self.graph.shape(tensor)[:1] == (None,):
                if rows is not None:
                    value = ops.take(value, rows, axis=0)
                else:
                    value = ops.repeat(value, count // ops.shape(value)[0], axis=0)
            found[tensor] = value
        return found

    def _now(self):
        return _GIVEN.__dict__.get(id(self), ((), {}))

    @contextlib.contextmanager
    def _set(self, now):
        before = self._now()
        _GIVEN.__dict__[id(self)] = now
        try:
            yield
        finally:
            _GIVEN.__dict__[id(self)] = before

    def _computed(self, values):
        """Returns values, and of tensors that depend on them alone and meet images."""
        graph = self.graph
        values = tuple(
            ops.cast(value, graph.specs[tensor].dtype)
            for tensor, value in zip(self.tensors, values, strict=True)
        )
        of_images, of_others, read = {graph.input}, set(self.tensors), set()
        for call in graph.calls:
            inputs = set(call.inputs)
            if inputs & of_images:
                of_images.update(call.outputs)
                read |= inputs & of_others
            elif inputs & of_others:
                of_others.update(call.outputs)
        start, read = dict(zip(self.tensors, values)), sorted(read)
        return values, dict(zip(read, graph.run(start, read) if start else ()))
