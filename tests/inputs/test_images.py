"""What images that do not suit a classifier are told, and what mends them."""

import numpy as np
import pytest

from keras_explainer.inputs.images import check_images


@pytest.mark.parametrize(
    ("shape", "image_shape", "line"),
    [
        ((60, 28, 28), (28, 28, 1), "images[..., None]"),
        ((60, 28, 28), (28, 28, 3), "np.repeat(images[..., None], 3, axis=-1)"),
        ((28, 28, 3), (28, 28, 3), "image[None]"),
        ((28, 28, 1), (28, 28, 1), "image[None]"),
        ((28, 28, 3), (None, None, 3), "image[None]"),
        ((6, 28, 28, 1), (28, 28, 3), "np.repeat(images, 3, axis=-1)"),
        ((6, 3, 28, 30), (28, 30, 3), "np.moveaxis(images, 1, -1)"),
    ],
)
def test_the_line_that_is_named_makes_images_that_suit(shape, image_shape, line):
    images = np.zeros(shape, "float32")
    with pytest.raises(ValueError, match=r"Received: shape \(") as caught:
        check_images(images, image_shape)
    assert f"`{line}`" in str(caught.value)
    mended = eval(line, {"images": images, "image": images, "np": np})
    check_images(mended, image_shape)


def test_no_line_is_named_where_none_is_known():
    with pytest.raises(ValueError, match=r"\(N, 28, 28, 1\)\. Received: .*28, 28, 5"):
        check_images(np.zeros((2, 28, 28, 5)), (28, 28, 1))
