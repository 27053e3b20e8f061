"""JAX: whole functions are compiled, on all the devices of `keras.distribution`."""

import contextlib
import functools
import numbers

import jax
import keras
import numpy as np
from jax import numpy as jnp

from keras_explainer.backend import batches
from keras_explainer.backend import known_shapes
from keras_explainer.backend import one_device

# Functions of the backend that users give to layers, which Keras saves by names that it
# does not find.
SAVED_FUNCTIONS = (jax.nn.softmax, jax.nn.log_softmax)

# === Graphs ===


def compiled(function, variables=()):
    """Returns a function that is compiled once for each form of its arguments.

    Args:
        function: Function of tensors, and of whole numbers and strings.
        variables: List of the `keras.Variable`s that it reads; others are constants.
    """

    @functools.partial(jax.jit, static_argnums=0)
    def run(fixed, values, tensors):
        left = iter(tensors)
        arguments = [next(left) if x is _Tensor else x for x in fixed]
        with keras.StatelessScope(state_mapping=list(zip(variables, values))):
            return function(*arguments)

    @functools.wraps(function)
    def call(*arguments):
        fixed = tuple(x if _is_fixed(x) else _Tensor for x in arguments)
        tensors = [x for x in arguments if not _is_fixed(x)]
        return run(fixed, [variable.value for variable in variables], tensors)

    return call


class _Tensor:
    """Stands for a tensor among the arguments that a function is compiled for."""


def _is_fixed(argument):
    return argument is None or isinstance(argument, (numbers.Number, str))


def compiled_by_shape(function, variables):
    """Returns a function that is compiled once for each form of its arguments.

    Args:
        function: Function of tensors, in any structure, and of numbers besides.
        variables: List of the `keras.Variable`s that it reads.
    """
    return compiled(function, variables)


def compiled_for_classifier(function):
    """Returns `compiled` of a function whose first argument is a `FrozenClassifier`."""

    @functools.lru_cache(maxsize=2)
    def for_classifier(frozen):
        return compiled(functools.partial(function, frozen), frozen.variables)

    @functools.wraps(function)
    def call(frozen, *arguments):
        return for_classifier(frozen)(*arguments)

    return call


def outside_graph():
    """Returns a context in which values are computed at once, also within a graph."""
    return jax.ensure_compile_time_eval()


def inside_graph():
    """Returns whether a graph is being traced, as only TensorFlow knows."""
    return False


def is_symbolic(values):
    """Returns whether values are those of a graph, not known while it is traced."""
    return isinstance(values, jax.core.Tracer)


def is_tensor(values):
    """Returns whether values are a tensor."""
    return isinstance(values, jax.Array)


def is_variable(values):
    """Returns whether values are a variable."""
    return isinstance(values, keras.Variable)


def with_batch_of(batch, size):
    """Returns a batch as large as others were, where a graph is compiled for one size.

    Args:
        batch: Tensor (N, ...).
        size: int, not below N.

    Returns:
        Tensor (size, ...), whose last entries are repeated, or the batch itself.
    """
    missing = size - len(batch)
    return jnp.pad(batch, [(0, missing)] + [(0, 0)] * (batch.ndim - 1), mode="edge")


def opaque_operation(function, scores_of, image_shape, outputs):
    """Returns an operation that runs what cannot be read.

    Args:
        function: A callable from images (N, H, W, channels) to scores.
        scores_of: Function from its answer to scores (N, C).
        image_shape: Tuple (H, W, channels).
        outputs: int, C.
    """

    def traced(images, **kwargs):
        return scores_of(function(images, **kwargs))

    try:
        jax.eval_shape(traced, jax.ShapeDtypeStruct((2, *image_shape), "float32"))
        return traced
    # What a function of arrays makes of a tensor without values is its own affair.
    except Exception:
        pass

    def called(images):
        return np.asarray(scores_of(function(np.asarray(images))), "float32")

    def call(images, **kwargs):
        answer = jax.ShapeDtypeStruct((len(images), outputs), "float32")
        return jax.pure_callback(called, answer, images)

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

    def summed(point):
        value, found = function(point)
        return jnp.sum(value), (value, found)

    point = jax.lax.stop_gradient(point)
    (_, found), slope = jax.value_and_grad(summed, has_aux=True)(point)
    return *found, slope


def without_slopes():
    """Returns a context in which nothing is kept for slopes, as a function tells."""
    return contextlib.nullcontext()


def slope_at(function, point):
    """Returns the slope of a function's sum at a point, outside of any graph.

    Returns:
        Tensor, or None where the function has no slope at all.
    """
    try:
        with jax.ensure_compile_time_eval():
            return jax.grad(lambda point: jnp.sum(function(point)))(point)
    except ValueError as error:
        if "callback" in str(error).lower():
            return None
        raise


# Whether a value can be differentiated by what was found on the way to it.
HAS_SLOPES_INSIDE = False


def slopes_inside(function, point):
    """Returns what a function found on the way, and the slopes of its value by that.

    Args:
        function: Function from a tensor to a tuple of a tensor, its value, and of a
            list of tensors that this was made of.
        point: Tensor.

    Returns:
        Tuple of the list, and of the list of slopes of the value's sum.
    """
    raise NotImplementedError("JAX knows no slopes by what is not an argument.")


def each_in_turn(function, elements, outputs=1):
    """Maps elements one after the other, so that memory is that of one.

    Args:
        function: Function from an element to a float32 tensor, or a tuple of them.
        elements: Tensor (n, ...), or a tuple of them.
        outputs: int. How many tensors the function returns.

    Returns:
        Tensor (n, ...), or a tuple of them.
    """
    return jax.lax.map(function, elements)


def after(value, tensor):
    """Returns a tensor, which is there only once a value is."""
    return jax.lax.optimization_barrier((value, tensor))[1]


def of_rows_where(wanted, function, rows):
    """Returns what a function makes of those rows that are wanted, and 0 elsewhere.

    Args:
        wanted: Boolean tensor (N, C).
        function: Function from rows (n, ...) to tensors (n,).
        rows: Tensor (N, C, ...).

    Returns:
        List of tensors (N, C).
    """
    # How many they are is not known when the graph is compiled: so all of them.
    found = function(jnp.reshape(rows, (-1, *rows.shape[2:])))
    return [jnp.where(wanted, jnp.reshape(x, wanted.shape), 0) for x in found]


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
WIDE_FLOAT = "float32"


def searchsorted(in_order, values, side):
    """Returns how many of the entries in order are below values, row by row.

    Args:
        in_order: Tensor (N, K), each row in order.
        values: Tensor (N, L).
        side: String. "left", or "right" for how many are not above.

    Returns:
        int tensor (N, L).
    """
    return jax.vmap(functools.partial(jnp.searchsorted, side=side))(in_order, values)


def stable_argsort(values):
    """Returns the order of values (N, K), in which equal ones stay as they came."""
    return jnp.argsort(values, axis=1, stable=True)
