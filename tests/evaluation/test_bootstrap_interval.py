"""The bootstrap interval against a closed form and against SciPy."""

import numpy as np
import pytest

from keras_explainer.evaluation import bootstrap_interval


def test_constant_is_a_point():
    assert bootstrap_interval([0.1] * 7) == (0.1, 0.1)
    assert bootstrap_interval([0.3]) == (0.3, 0.3)


def test_missing_values_are_left_out():
    values = [1.0, np.nan, 3.0, 2.0, np.nan]
    assert bootstrap_interval(values) == bootstrap_interval([1.0, 3.0, 2.0])
    assert np.isnan(bootstrap_interval([np.nan, np.nan])).all()


def test_two_images_by_hand():
    # The mean of two draws out of {0, 1} is 0, 1/2 and 1 with 1/4, 1/2 and 1/4.
    assert bootstrap_interval([0, 1], confidence=0.95) == (0, 1)
    assert bootstrap_interval([0, 1], confidence=0.4) == (0.5, 0.5)


def test_agrees_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(3).gamma(2.0, size=60)
    found = bootstrap_interval(values, confidence=0.9, resamples=20_000)
    expected = stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=0.9,
        n_resamples=20_000,
        method="percentile",
        rng=np.random.default_rng(5),
    ).confidence_interval
    spread = expected.high - expected.low
    np.testing.assert_allclose(found, expected, atol=0.02 * spread)


def test_confidence_is_checked():
    with pytest.raises(ValueError, match="`confidence` should be .* Received: 95"):
        bootstrap_interval([0, 1], confidence=95)
