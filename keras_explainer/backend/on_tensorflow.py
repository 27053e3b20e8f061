"""TensorFlow: graphs, tapes, and steps on the devices of `tf.distribute`."""

import contextlib
import functools

import keras
import numpy as np
import tensorflow as tf

from keras_explainer.backend import replicas

# Functions of the backend that users give to layers, which Keras saves by names that it
# does not find.
SAVED_FUNCTIONS = (tf.nn.softmax, tf.nn.log_softmax)

# === Graphs ===


def compiled(function, variables=()):
    """Returns a function that is traced once for each form of its arguments.

    Args:
        function: Function of tensors, and of whole numbers and strings.
        variables: List of the `keras.Variable`s that it reads.
    """
    return tf.function(function, reduce_retracing=True)


def compiled_by_shape(function, variables):
    """Returns a function that is compiled once for each form of its arguments.

    Args:
        function: Function of tensors, in any structure, and of numbers besides.
        variables: List of the `keras.Variable`s that it reads.
    """
    # A single `tf.function` would be traced as often, and warn of it.
    compiled = {}

    def call(tensors, *numbers):
        flat = tf.nest.flatten(tensors)
        are_given = tuple(x is not None for x in flat)
        flat = [x for x in flat if x is not None]
        forms = [((None, *x.shape[1:]), x.dtype.name) for x in flat]
        key = (are_given, *forms, *numbers)
        if key not in compiled:

            def traced(*flat):
                left = iter(flat)
                values = [next(left) if given else None for given in are_given]
                return function(tf.nest.pack_sequence_as(tensors, values), *numbers)

            specs = [tf.TensorSpec(*form) for form in forms]
            compiled[key] = tf.function(traced, input_signature=specs)
        return compiled[key](*flat)

    return call


def compiled_for_classifier(function):
    """Returns `compiled` of a function whose first argument is a `FrozenClassifier`."""
    return functools.wraps(function)(tf.function(function, reduce_retracing=True))


def outside_graph():
    """Returns a context in which values are computed at once, also within a graph."""
    return tf.init_scope()


def inside_graph():
    """Returns whether a graph is being traced."""
    return tf.inside_function()


def is_symbolic(values):
    """Returns whether values are those of a graph, not known while it is traced."""
    return tf.is_symbolic_tensor(values)


def is_tensor(values):
    """Returns whether values are a tensor."""
    return isinstance(values, tf.Tensor)


def is_variable(values):
    """Returns whether values are a variable."""
    return isinstance(values, (tf.Variable, keras.Variable))


def known_shape(tensor):
    """Returns the shape of a tensor, None where it is open; None of unknown rank."""
    return None if tensor.shape.rank is None else tuple(tensor.shape)


def with_shape(tensor, shape):
    """Returns a tensor that is known to have a shape, and fails if it has not.

    Args:
        tensor: Tensor.
        shape: Tuple, None where it is open.
    """
    return tf.ensure_shape(tensor, shape)


def with_batch_of(batch, size):
    """Returns a batch as large as others were, where a graph is compiled for one size.

    Args:
        batch: Tensor (N, ...).
        size: int, not below N.

    Returns:
        Tensor (size, ...), whose last entries are repeated, or the batch itself.
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
    # As it is if that will do: AutoGraph tells of each lambda it cannot read.
    as_it_is = tf.autograph.experimental.do_not_convert(function)
    for traced in (as_it_is, function):
        if _traces(traced, scores_of, image_shape):
            return lambda images, **kwargs: scores_of(traced(images, **kwargs))

    def call(images, **kwargs):
        scores = tf.numpy_function(
            lambda images: np.asarray(scores_of(function(images)), "float32"),
            [images],
            "float32",
        )
        return tf.ensure_shape(scores, (None, outputs))

    return call


def _traces(function, scores_of, image_shape):
    spec = tf.TensorSpec((None, *image_shape), "float32")
    try:
        traced = tf.function(lambda images: scores_of(function(images)))
        return tf.is_tensor(traced.get_concrete_function(spec).structured_outputs)
    # What a function of arrays makes of a tensor without values is its own affair.
    except Exception:
        return False


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
    point = tf.nest.map_structure(tf.stop_gradient, point)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(point)
        value, found = function(point)
    zero = tf.UnconnectedGradients.ZERO
    return value, found, tape.gradient(value, point, unconnected_gradients=zero)


def without_slopes():
    """Returns a context in which nothing is kept for slopes, as a tape does anyway."""
    return contextlib.nullcontext()


def slope_at(function, point):
    """Returns the slope of a function's sum at a point, outside of any graph.

    Returns:
        Tensor, or None where the function has no slope at all.
    """

    def slope(point):
        # Tapes record nothing here.
        return tf.gradients(function(point), point, unconnected_gradients="none")[0]

    with tf.init_scope():
        return tf.function(slope).get_concrete_function(point)(point)


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
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(point)
        value, found = function(point)
    zero = tf.UnconnectedGradients.ZERO
    return found, tape.gradient(value, found, unconnected_gradients=zero)


def each_in_turn(function, elements, outputs=1):
    """Maps elements one after the other, so that memory is that of one.

    Args:
        function: Function from an element to a float32 tensor, or a tuple of them.
        elements: Tensor (n, ...), or a tuple of them.
        outputs: int. How many tensors the function returns.

    Returns:
        Tensor (n, ...), or a tuple of them.
    """
    made = tf.float32 if outputs == 1 else (tf.float32,) * outputs
    return tf.map_fn(
        function, elements, parallel_iterations=1, fn_output_signature=made
    )


def after(value, tensor):
    """Returns a tensor, which is there only once a value is."""
    with tf.control_dependencies(tf.nest.flatten(value)):
        return tf.identity(tensor)


def of_rows_where(wanted, function, rows):
    """Returns what a function makes of those rows that are wanted, and 0 elsewhere.

    Args:
        wanted: Boolean tensor (N, C).
        function: Function from rows (n, ...) to tensors (n,).
        rows: Tensor (N, C, ...).

    Returns:
        List of tensors (N, C).
    """
    places = tf.where(wanted)
    shape = tf.shape(wanted, "int64")
    found = function(tf.gather_nd(rows, places))
    return [tf.scatter_nd(places, values, shape) for values in found]


def resize_to_open_size(maps, size):
    """Resizes maps (N, h, w, K) bilinearly to a height and width that are tensors."""
    return tf.image.resize(maps, tf.stack(size))


# === Data ===


def _spec(form):
    is_one = isinstance(form[1], str)
    return tf.TensorSpec(*form) if is_one else tuple(map(_spec, form))


def dataset_of(batches, forms, count):
    """Returns batches as `fit` takes them.

    Args:
        batches: Function without arguments that returns an iterator of tuples of
            arrays, or of tuples of them.
        forms: Tuple of the forms of these arrays, in their structure: each a pair of
            its shape, None where it is open, and of its type.
        count: Function without arguments that returns how many batches an epoch has,
            or None: as many as are asked for.
    """
    signature = tuple(map(_spec, forms))
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return dataset.prefetch(tf.data.AUTOTUNE)


# === The devices and processes that share a step ===

at_least_one = replicas.at_least_one
device_scope = replicas.device_scope
in_several_processes = replicas.in_several_processes
of_first_worker = replicas.of_first_worker
share_of_mean = replicas.share_of_mean
sum_of_all = replicas.sum_of_all

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
    return tf.searchsorted(in_order, values, side=side)


def stable_argsort(values):
    """Returns the order of values (N, K), in which equal ones stay as they came."""
    return tf.argsort(values, axis=1, stable=True)
