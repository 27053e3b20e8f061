"""The value of a variable, on any backend."""

from keras import ops


def value_of_variable(variable):
    """Returns the value of a variable as an array, which follows it no longer."""
    # Some backends take a variable for a tensor, which NumPy warns of.
    return ops.convert_to_numpy(ops.stop_gradient(ops.convert_to_tensor(variable)))
