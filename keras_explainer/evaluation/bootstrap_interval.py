"""How sure a mean over images is."""

import numpy as np


def bootstrap_interval(values, confidence=0.95, resamples=2000, seed=0):
    """Computes the percentile bootstrap interval of a mean.

    Args:
        values: Array (N,); NaN is left out.
        confidence: float between 0 and 1. Defaults to 0.95.
        resamples: int. Defaults to 2000.
        seed: int, of the resampling.

    Returns:
        Tuple of floats: the lower and the upper end; NaN if there are no values.

    Raises:
        ValueError: If `confidence` is not between 0 and 1.

    Example:

    >>> bootstrap_interval([0.5, 0.5, 0.5])
    (0.5, 0.5)

    Reference:
        Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
    """
    if not 0 < confidence < 1:
        raise ValueError(
            "Argument `confidence` should be between 0 and 1, both excluded. "
            f"Received: {confidence}"
        )
    values = np.asarray(values, "float64")
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan"), float("nan")
    random = np.random.default_rng(seed)
    # How often each image is drawn.
    share = np.full(len(values), 1 / len(values))
    counts = random.multinomial(len(values), share, size=resamples)
    # Around one of the values, so that those of a constant are exact.
    means = values[0] + counts @ (values - values[0]) / len(values)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
