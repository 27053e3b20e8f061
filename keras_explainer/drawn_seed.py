"""Where randomness comes from: the one seed of Keras."""

import random

# Seeds from 0 to this one, so that a seed and the number of a step fit into 64 bits.
LARGEST = 2**31 - 1


def drawn_seed(seed=None):
    """Returns a seed, or, where there is none, draws one as Keras' own layers do.

    Args:
        seed: int, or None for one that follows `keras.utils.set_random_seed`, and
            without that is another one each time.

    Returns:
        int.

    Example:

    >>> keras.utils.set_random_seed(0)
    >>> first = drawn_seed()
    >>> keras.utils.set_random_seed(0)
    >>> drawn_seed() == first
    True
    """
    # `set_random_seed` seeds this generator, of which Keras draws its default seeds.
    return random.randint(0, LARGEST) if seed is None else seed
