"""What devices share of a step: on two it is as if one device had all images."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from test_several_devices import finished
from test_several_devices import started

from keras_explainer.backend import replicas

VALUES = tf.constant([1.0, 2.0, 6.0])


def test_on_one_device_nothing_is_shared():
    draw, seed = tf.random.stateless_uniform, (1, 2)
    found = replicas.drawn_per_image(draw, (2, 3), seed)
    np.testing.assert_array_equal(found, draw((2, 3), seed))
    assert replicas.at_least_one(VALUES[:0]).shape == (0,)
    assert replicas.at_least_one(None) is None
    assert float(replicas.share_of_mean(VALUES)) == 3
    assert float(replicas.sum_of_all(VALUES[1])) == 2
    variable = tf.Variable(1.0)
    for condition, expected in ((False, 1.0), (True, 3.0)):
        replicas.update_if(condition, lambda v: variable.assign_add(v[0]), [2.0])
        assert float(variable) == expected


@pytest.mark.slow
def test_two_devices_have_the_numbers_and_means_of_one(tmp_path):
    program = pathlib.Path(__file__).with_name("replicas_program.py")
    finished(started(tmp_path / "two.npz", program=program))
    found = np.load(tmp_path / "two.npz")

    def of_both(name):
        return found[f"{name}/0"], found[f"{name}/1"]

    np.testing.assert_array_equal(
        np.concatenate(of_both("drawn")),
        tf.random.stateless_uniform((4, 3), (1, 2)),
    )
    # The second device has no image, and gets an empty one.
    np.testing.assert_array_equal(found["at least one/0"], VALUES)
    np.testing.assert_array_equal(found["at least one/1"], [0.0])
    assert of_both("share of mean") == (3, 0)
    assert of_both("sum of all") == (9, 9)
    assert of_both("updated") == (3, 3)
    assert of_both("left") == (1, 1)
