"""PyTorch: draws that depend on a seed alone."""

import numpy as np
import torch
from keras import ops


def step_number(seed, step):
    """Returns the number, int, on which alone the draws of a step depend.

    Args:
        seed: int tensor (), of the training.
        step: int tensor (), the number of the step.
    """
    return (int(seed) << 32) + int(step)


def uniform(shape, seed, low=0.0, high=1.0):
    """Draws evenly from low to high.

    Args:
        shape: Tuple.
        seed: Pair of a number, such as that of a step, and an int.
        low: float.
        high: float.
    """
    draws = torch.rand(tuple(shape), generator=_generator(seed))
    return ops.convert_to_tensor(low + (high - low) * draws)


def normal(shape, seed):
    """Draws from a normal distribution of mean 0 and deviation 1.

    Args:
        shape: Tuple.
        seed: As for `uniform`.
    """
    return ops.convert_to_tensor(torch.randn(tuple(shape), generator=_generator(seed)))


# A step has all its images on one device.
uniform_per_image = uniform
normal_per_image = normal


def _generator(seed):
    """Returns a generator on the CPU, whose numbers are the same for every device."""
    number, salt = (int(part) for part in seed)
    mixed = np.random.SeedSequence([number, salt]).generate_state(1, "uint64")[0]
    return torch.Generator().manual_seed(int(mixed) >> 1)
