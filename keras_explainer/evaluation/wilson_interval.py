"""How sure a share is."""

import math
import statistics

from keras_explainer.check_option import check_option


def wilson_interval(successes, trials, confidence=0.95):
    """Computes the Wilson score interval of a share.

    With `p = successes / trials` its ends are the solutions `q` of
    `|p - q| = z * sqrt(q * (1 - q) / trials)`; unlike the usual `p +- z * error` it
    stays in [0, 1] and is of use for few trials.

    Args:
        successes: int, from 0 to `trials`.
        trials: int, 0 or more.
        confidence: float between 0 and 1. Defaults to 0.95.

    Returns:
        Tuple of floats: the lower and the upper end; (0, 1) if there are no trials.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> low, high = wilson_interval(8, 10)
    >>> round(low, 3), round(high, 3)
    (0.49, 0.943)

    Reference:
        Wilson, "Probable Inference, the Law of Succession, and Statistical
        Inference", 1927.
    """
    check_option("trials", trials, 0, whole=True)
    check_option("successes", successes, 0, trials, whole=True)
    if not 0 < confidence < 1:
        raise ValueError(
            "Argument `confidence` should be between 0 and 1, both excluded. "
            f"Received: {confidence}"
        )
    if not trials:
        return 0.0, 1.0
    z = statistics.NormalDist().inv_cdf((1 + confidence) / 2)
    share, shrunk = successes / trials, 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / shrunk
    variance = share * (1 - share) / trials + (z / (2 * trials)) ** 2
    margin = z * math.sqrt(variance) / shrunk
    # At the ends the formula is exact, but rounding is not.
    low = 0.0 if successes == 0 else centre - margin
    high = 1.0 if successes == trials else centre + margin
    return low, high
