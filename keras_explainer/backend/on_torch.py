"""PyTorch: everything is computed at once, on one device."""

import functools

import keras
import numpy as np
import torch
from keras import ops

from keras_explainer.backend import batches
from keras_explainer.backend import known_shapes
from keras_explainer.backend import one_device

# Functions of the backend that users give to layers, which Keras saves by names that it
# does not find.
SAVED_FUNCTIONS = (torch.softmax, torch.log_softmax)

# === Graphs ===


def compiled(function, variables=()):
    """Returns a function that keeps no more than its results, and no slopes.

    Args:
        function: Function of tensors, and of whole numbers and strings.
        variables: List of the `keras.Variable`s that it reads.
    """

    @functools.wraps(function)
    def call(*arguments):
        with torch.no_grad():
            return function(*map(_as_tensor, arguments))

    return call


def _as_tensor(argument):
    is_array = isinstance(argument, np.ndarray)
    return ops.convert_to_tensor(argument) if is_array else argument


compiled_for_classifier = compiled


def compiled_by_shape(function, variables):
    """Returns a function that is compiled once for each form of its arguments.

    Args:
        function: Function of tensors, in any structure, and of numbers besides.
        variables: List of the `keras.Variable`s that it reads.
    """
    return compiled(function, variables)


def outside_graph():
    """Returns a context in which values are computed at once, and have no slopes."""
    return torch.no_grad()


def inside_graph():
    """Returns whether a graph is being traced, which never is."""
    return False


def is_symbolic(values):
    """Returns whether values are those of a graph, which there is none of."""
    return False


def is_tensor(values):
    """Returns whether values are a tensor."""
    return isinstance(values, torch.Tensor)


def is_variable(values):
    """Returns whether values are a variable."""
    return isinstance(values, keras.Variable)


def with_batch_of(batch, size):
    """Returns the batch itself: nothing is compiled for one size.

    Args:
        batch: Tensor (N, ...).
        size: int, not below N.
    """
    return batch


def opaque_operation(function, scores_of, image_shape, outputs):
    """Returns an operation that runs what cannot be read.

    Args:
        function: A callable from images (N, H, W, channels) to scores.
        scores_of: Function from its answer to scores (N, C).
        image_shape: Tuple (H, W, channels).
        outputs: int, C.
    """

    def call(images, **kwargs):
        try:
            scores = scores_of(function(images, **kwargs))
        except (RuntimeError, TypeError):  # It may be one of arrays.
            scores = scores_of(function(ops.convert_to_numpy(images), **kwargs))
        return ops.convert_to_tensor(scores, "float32")

    return call


# === Slopes, and what is computed one after the other ===


def value_and_slope(function, point):
    """Returns the value of a function, and its slope.

    Its pass is then over, and its memory free.

    Args:
        function: Function from a tensor to a tuple of a tensor, and of what else it
            found (tensors in any structure, or None).
        point: Tensor, or list of tensors. Where it is asked for; no slope reaches back.

    Returns:
        Tuple of the value, of what else was found, and of the slope of the value's sum
        at the point, 0 where nothing depends on it.
    """
    is_list = isinstance(point, (list, tuple))
    points = [x.detach().requires_grad_() for x in (point if is_list else [point])]
    with torch.enable_grad():
        value, found = function(points if is_list else points[0])
        slopes = [None] * len(points)
        if value.requires_grad:
            slopes = torch.autograd.grad(value.sum(), points, allow_unused=True)
    slopes = [torch.zeros_like(x) if s is None else s for x, s in zip(points, slopes)]
    value, found = detached((value, found))
    return value, found, slopes if is_list else slopes[0]


def detached(structure):
    """Returns a structure whose tensors reach back to nothing by slopes."""
    return keras.tree.map_structure(
        lambda x: x.detach() if isinstance(x, torch.Tensor) else x, structure
    )


def without_slopes():
    """Returns a context in which nothing is kept for slopes."""
    return torch.no_grad()


def slope_at(function, point):
    """Returns the slope of a function's sum at a point.

    Returns:
        Tensor, or None where the function has no slope at all.
    """
    point = point.detach().requires_grad_()
    with torch.enable_grad():
        value = function(point).sum()
        if not value.requires_grad:
            return None
        return torch.autograd.grad(value, point, allow_unused=True)[0]


# Whether a value can be differentiated by what was found on the way to it.
HAS_SLOPES_INSIDE = True


def slopes_inside(function, point):
    """Returns what a function found on the way, and the slopes of its value by that.

    Args:
        function: Function from a tensor to a tuple of a tensor, its value, and of a
            list of tensors that this was made of.
        point: Tensor.

    Returns:
        Tuple of the list, and of the list of slopes of the value's sum.
    """
    with torch.enable_grad():
        value, found = function(point.detach().requires_grad_())
        slopes = torch.autograd.grad(value.sum(), found, allow_unused=True)
    pairs = zip(slopes, found)
    slopes = [torch.zeros_like(x) if slope is None else slope for slope, x in pairs]
    return [x.detach() for x in found], slopes


def each_in_turn(function, elements, outputs=1):
    """Maps elements one after the other, so that memory is that of one.

    Args:
        function: Function from an element to a float32 tensor, or a tuple of them.
        elements: Tensor (n, ...), or a tuple of them.
        outputs: int. How many tensors the function returns.

    Returns:
        Tensor (n, ...), or a tuple of them.
    """
    is_tuple = isinstance(elements, tuple)
    found = [function(each) for each in (zip(*elements) if is_tuple else elements)]
    if outputs == 1:
        return torch.stack(found)
    return tuple(map(torch.stack, zip(*found)))


def after(value, tensor):
    """Returns a tensor, which is there only once a value is, as everything is."""
    return tensor


def of_rows_where(wanted, function, rows):
    """Returns what a function makes of those rows that are wanted, and 0 elsewhere.

    Args:
        wanted: Boolean tensor (N, C).
        function: Function from rows (n, ...) to tensors (n,).
        rows: Tensor (N, C, ...).

    Returns:
        List of tensors (N, C).
    """
    made = []
    for values in function(rows[wanted]):
        whole = torch.zeros(wanted.shape, dtype=values.dtype, device=values.device)
        whole[wanted] = values
        made.append(whole)
    return made


# === What is the same wherever shapes are known and devices seem to be one ===

dataset_of = batches.dataset_of

known_shape = known_shapes.known_shape
resize_to_open_size = known_shapes.resize_to_open_size
with_shape = known_shapes.with_shape

at_least_one = one_device.at_least_one
device_scope = one_device.device_scope
in_several_processes = one_device.in_several_processes
of_first_worker = one_device.of_first_worker
share_of_mean = one_device.share_of_mean
sum_of_all = one_device.sum_of_all

# === Ranks ===

# The widest numbers that there are.
WIDE_FLOAT = "float64"


def searchsorted(in_order, values, side):
    """Returns how many of the entries in order are below values, row by row.

    Args:
        in_order: Tensor (N, K), each row in order.
        values: Tensor (N, L).
        side: String. "left", or "right" for how many are not above.

    Returns:
        int tensor (N, L).
    """
    return torch.searchsorted(in_order, values.contiguous(), side=side)


def stable_argsort(values):
    """Returns the order of values (N, K), in which equal ones stay as they came."""
    return torch.argsort(values, dim=1, stable=True)
