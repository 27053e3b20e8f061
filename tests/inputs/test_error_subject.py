"""Errors name the argument that images, labels and weights came in."""

import numpy as np
import pytest
import tensorflow as tf

from keras_explainer.inputs.data_forms import read_data
from keras_explainer.inputs.data_forms import read_images
from keras_explainer.inputs.images import check_images

IMAGES, LABELS = np.zeros((4, 8, 8, 3), "float32"), np.int32([0, 1, 2, 0])
WRONG_LABELS, WRONG_IMAGES = np.int32([0, 1, 2, 9]), IMAGES[:, :4]
NEGATIVE = np.float32([1, 1, 1, -1])


def batches(*parts):
    return tf.data.Dataset.from_tensor_slices(parts).batch(4)


@pytest.mark.parametrize(
    "data, subject",
    [
        ((WRONG_IMAGES, LABELS, None), "Images in argument `x`"),
        ((IMAGES, WRONG_LABELS, None), "Argument `y`"),
        ((IMAGES, LABELS, NEGATIVE), "Argument `sample_weight`"),
        ((batches(IMAGES, WRONG_LABELS), None, None), "Labels in argument `x`"),
        ((batches(IMAGES, LABELS, NEGATIVE), None, None), "Weights in argument `x`"),
        (([(IMAGES, WRONG_LABELS)].__iter__(), None, None), "Labels in argument `x`"),
    ],
)
def test_data_of_a_training(data, subject):
    with pytest.raises(ValueError, match=f"^{subject} should .* Received: "):
        read_data(*data, (8, 8, 3), 3)


def test_data_of_its_validation():
    subject = "Labels in argument `validation_data`"
    with pytest.raises(ValueError, match=f"^{subject} should be whole numbers"):
        read_data(
            batches(IMAGES, WRONG_LABELS), None, None, (8, 8, 3), 3, "validation_data"
        )


def test_images_to_explain():
    with pytest.raises(ValueError, match="^Argument `images` should have the shape"):
        read_images(batches(WRONG_IMAGES), (8, 8, 3))
    with pytest.raises(ValueError, match="^Argument `images` should be finite"):
        check_images(IMAGES + np.nan, (8, 8, 3), "images")


def test_within_a_step_the_argument_is_not_known():
    with pytest.raises(ValueError, match="^Images should have the shape"):
        check_images(WRONG_IMAGES, (8, 8, 3))
