import numpy as np
import pytest

from keras_explainer.visualization import apply_mask

IMAGE = np.array([[[200, 100, 0], [10, 20, 30]]], "uint8")
MASK = [[1.0, 0.25]]


def test_mixes_image_and_background():
    shown = apply_mask(IMAGE, MASK, 100)
    assert shown.dtype == np.uint8
    # 0.25 * 10 + 75 = 77.5 rounds to the even 78.
    assert shown.tolist() == [[[200, 100, 0], [78, 80, 82]]]


def test_background_may_be_a_color_or_a_picture():
    expected = [[[200, 100, 0], [2, 80, 158]]]
    picture = np.broadcast_to(np.array([0, 100, 200], "uint8"), (1, 2, 3))
    assert apply_mask(IMAGE, MASK, [0, 100, 200]).tolist() == expected
    assert apply_mask(IMAGE, MASK, picture).tolist() == expected


def test_mask_and_complement_share_the_photograph():
    image = np.random.default_rng(0).integers(0, 256, (5, 6, 3), "uint8")
    mask = np.random.default_rng(1).random((5, 6))
    kept = apply_mask(image, mask, 0).astype(int)
    removed = apply_mask(image, 1 - mask, 0).astype(int)
    assert np.abs(kept + removed - image).max() <= 1


@pytest.mark.parametrize("background", [300, -1, [1, 2], np.zeros((4, 4, 3)), "red"])
def test_other_backgrounds_are_refused(background):
    with pytest.raises(ValueError, match="`background` should .*Received"):
        apply_mask(IMAGE, MASK, background)
