"""The devices that share a step, where these are one or seem to be: JAX, PyTorch."""

import contextlib

from keras import ops


def at_least_one(batch):
    """Returns the batch, which is never empty."""
    return batch


def device_scope(explainer):
    """Returns the context in which the variables of an explainer are made."""
    return contextlib.nullcontext()


def in_several_processes(explainer):
    """Returns whether an explainer trains in several processes."""
    return False


def of_first_worker(number, explainer):
    """Returns the first worker's number to all of them."""
    return number


def share_of_mean(values):
    """Returns what a device adds to the mean of all images' values (N,)."""
    return ops.mean(values)


def sum_of_all(value):
    """Returns the sum of the devices' values of a tensor."""
    return value
