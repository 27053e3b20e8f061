"""Whether a coin is fair."""


def binomial_test(successes, trials):
    """Computes the p-value of the exact two-sided test of a share of one half.

    Args:
        successes: int, from 0 to `trials`.
        trials: int, 0 or more.

    Returns:
        float in [0, 1], how probable a share at least as far from one half is if
        both outcomes are equally probable.

    Raises:
        ValueError: If `successes` is not from 0 to `trials`.

    Example:

    >>> binomial_test(9, 10)
    0.021484375

    Reference:
        Clopper and Pearson, "The Use of Confidence or Fiducial Limits Illustrated in
        the Case of the Binomial", 1934.
    """
    if not 0 <= successes <= trials:
        raise ValueError(
            f"Argument `successes` should be from 0 to {trials}, the trials. "
            f"Received: {successes}"
        )
    fewer = min(successes, trials - successes)
    ways = tail = 1
    for count in range(fewer):
        ways = ways * (trials - count) // (count + 1)
        tail += ways
    return min(1.0, 2 * tail / 2**trials)
