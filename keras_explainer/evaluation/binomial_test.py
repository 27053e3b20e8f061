"""Whether a coin is fair."""

from keras_explainer.check_option import check_option


def binomial_test(successes, trials):
    """Computes the p-value of the exact two-sided test of a share of one half.

    Args:
        successes: int, from 0 to `trials`.
        trials: int, 0 or more.

    Returns:
        float in [0, 1], how probable a share at least as far from one half is if
        both outcomes are equally probable.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> binomial_test(9, 10)
    0.021484375

    Reference:
        Clopper and Pearson, "The Use of Confidence or Fiducial Limits Illustrated in
        the Case of the Binomial", 1934.
    """
    check_option("trials", trials, 0, whole=True)
    check_option("successes", successes, 0, trials, whole=True)
    fewer = min(successes, trials - successes)
    ways = tail = 1
    for count in range(fewer):
        ways = ways * (trials - count) // (count + 1)
        tail += ways
    return min(1.0, 2 * tail / 2**trials)
