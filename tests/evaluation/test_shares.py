"""How sure a share is: known answers, and SciPy's."""

import pytest

from keras_explainer.evaluation import binomial_test
from keras_explainer.evaluation import wilson_interval


@pytest.mark.parametrize(
    "successes, trials", [(0, 7), (1, 7), (5, 10), (9, 10), (10, 10), (620, 1200)]
)
def test_agrees_with_scipy(successes, trials):
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(successes, trials)
    assert binomial_test(successes, trials) == pytest.approx(expected.pvalue)
    for confidence in (0.8, 0.95):
        interval = expected.proportion_ci(confidence, method="wilson")
        found = wilson_interval(successes, trials, confidence)
        assert found == pytest.approx((interval.low, interval.high))


def test_known_values():
    assert binomial_test(0, 5) == 2 / 32
    assert binomial_test(5, 10) == binomial_test(0, 0) == 1.0
    assert binomial_test(1999, 3999) == 1.0
    assert wilson_interval(0, 0) == (0.0, 1.0)
    low, high = wilson_interval(0, 10)
    assert low == 0 and high == pytest.approx(0.27753, abs=1e-5)
    assert wilson_interval(10, 10) == (pytest.approx(1 - high), 1.0)


def test_errors():
    for function in (binomial_test, wilson_interval):
        with pytest.raises(ValueError, match="`successes` .* from 0 to 3. Received: 4"):
            function(4, 3)
        with pytest.raises(ValueError, match="`trials` .* from 0. Received: -1"):
            function(0, -1)
    with pytest.raises(ValueError, match="`confidence` should be between"):
        wilson_interval(1, 3, confidence=1)
