"""JAX: draws that depend on a seed alone."""

import jax
from jax import numpy as jnp


def step_number(seed, step):
    """Returns the number on which alone the draws of a step depend.

    Args:
        seed: int tensor (), of the training.
        step: int tensor (), the number of the step.

    Returns:
        uint32 tensor (2,), since JAX has no longer whole numbers.
    """
    return jnp.stack([jnp.asarray(seed, "uint32"), jnp.asarray(step, "uint32")])


def uniform(shape, seed, low=0.0, high=1.0):
    """Draws evenly from low to high.

    Args:
        shape: Tuple.
        seed: Pair of a number, such as that of a step, and an int.
        low: float.
        high: float.
    """
    return jax.random.uniform(_key(seed), shape, minval=low, maxval=high)


def normal(shape, seed):
    """Draws from a normal distribution of mean 0 and deviation 1.

    Args:
        shape: Tuple.
        seed: As for `uniform`.
    """
    return jax.random.normal(_key(seed), shape)


# A step has all images of all devices.
uniform_per_image = uniform
normal_per_image = normal


def _key(seed):
    number, salt = seed
    key = jax.random.key(salt)
    for part in jnp.ravel(jnp.asarray(number, "uint32")):
        key = jax.random.fold_in(key, part)
    return key
