import numpy as np
import pytest

from keras_explainer.visualization import overlay

RED = np.zeros((8, 8, 3), "uint8") + np.array([200, 0, 0], "uint8")


def test_ones_give_the_photograph_itself():
    image = np.random.default_rng(0).integers(0, 256, (9, 7, 3), "uint8")
    for mask in (np.ones((9, 7)), np.ones((9, 7), bool), np.ones((3, 2, 1))):
        np.testing.assert_array_equal(overlay(image, mask), image)


def test_zeros_give_a_dark_grey_photograph():
    # 0.35 * (0.65 * luma + 0.35 * red) with luma = 0.299 * 200 = 59.8.
    shown = overlay(RED, np.zeros((8, 8)))
    assert np.all(shown == [38, 14, 14])
    grey = np.full((8, 8), 200, "uint8")
    assert np.all(overlay(grey, np.zeros((8, 8))) == 70)


def test_opacity_runs_from_the_photograph_to_black():
    mask = np.zeros((8, 8))
    np.testing.assert_array_equal(overlay(RED, mask, opacity=0), RED)
    assert np.all(overlay(RED, mask, opacity=1) == 0)


def test_half_sure_mask_is_halfway_and_tinted():
    # Shade: (100 + 35) / 2 = 67.5; tint: 0.35 of the way to the colour. No edge.
    grey = np.full((8, 8), 100, "uint8")
    shown = overlay(grey, np.full((8, 8), 0.5), color=(255, 0, 0))
    assert np.all(shown == np.rint([67.5 * 0.65 + 255 * 0.35, 67.5 * 0.65, 43.875]))


def test_contour_has_the_color_at_the_edge_and_nothing_away_from_it():
    grey = np.full((40, 40), 100, "uint8")
    mask = np.zeros((40, 40), bool)
    mask[:, 20:] = True
    shown = overlay(grey, mask, color="#0072B2").astype(int)
    np.testing.assert_allclose(shown[5:35, 19:21], [[[0, 0x72, 0xB2]] * 2] * 30, atol=4)
    assert np.all(shown[:, 23:] == 100)
    assert np.all(shown[:, :17] == 35)
    # The border of the photograph is no edge of the mask.
    np.testing.assert_array_equal(shown[0, 30], shown[20, 30])


def test_soft_mask_fades_where_a_sharp_one_jumps():
    grey = np.full((1, 101), 200, "uint8")
    soft = np.linspace(0, 1, 101)[np.newaxis]
    shown = overlay(grey, soft, color="black")[0, :, 0].astype(int)
    away = np.r_[0:45, 57:101]
    assert np.all(np.abs(np.diff(shown[:45])) <= 3)
    assert len(np.unique(shown[away])) > 50


def test_smaller_mask_is_resized_bilinearly():
    grey = np.full((4, 4), 255, "uint8")
    small = overlay(grey, [[0.0, 0.4]], opacity=1, color="black")
    large = overlay(grey, [[0.0, 0.1, 0.3, 0.4]] * 4, opacity=1, color="black")
    np.testing.assert_array_equal(small, large)


def test_arrays_tensors_lists_and_channel_layouts_agree():
    tf = pytest.importorskip("tensorflow")
    grey = np.arange(64, dtype="float32").reshape(8, 8) * 4
    mask = np.tile(np.linspace(0, 1, 8, dtype="float32"), (8, 1))
    expected = overlay(grey, mask)
    assert expected.shape == (8, 8, 3) and expected.dtype == np.uint8
    for image, same in (
        (tf.constant(grey), tf.constant(mask)),
        (grey.tolist(), mask.tolist()),
        (grey[..., np.newaxis].astype("uint8"), mask[..., np.newaxis]),
    ):
        np.testing.assert_array_equal(overlay(image, same), expected)
    half = tf.constant(0.25, tf.bfloat16, shape=(8, 8))
    np.testing.assert_array_equal(
        overlay(grey, half), overlay(grey, np.full((8, 8), 0.25))
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image": np.zeros((8, 8, 4))}, "`image` should have shape .*8, 8, 4"),
        ({"image": np.zeros(8)}, "`image` should have shape .*Received"),
        ({"image": np.full((8, 8), 0.5)}, "`image` should hold values from 0 to 255"),
        ({"image": np.full((8, 8), 300)}, "`image` should hold values .*300"),
        ({"image": np.full((8, 8), -100.0)}, "`image` should hold .*-100"),
        ({"image": [["a"]]}, "`image` should be numeric. Received"),
        ({"image": [[1, 2], [3]]}, "`image` should be an array of one shape"),
        ({"mask": np.zeros((8, 8, 3))}, "`mask` should have shape .*8, 8, 3"),
        ({"mask": np.full((8, 8), 255, "uint8")}, "`mask` should hold .*255"),
        ({"mask": np.full((8, 8), np.nan)}, "`mask` should hold .*nan"),
        ({"color": "no colour"}, "`color` should be .*no colour"),
        ({"color": (0, 0, 300)}, "`color` should be .*300"),
        ({"opacity": 1.5}, "`opacity` should lie in .*1.5"),
    ],
)
def test_errors_name_the_argument(arguments, message):
    arguments = {"image": RED, "mask": np.zeros((8, 8)), **arguments}
    with pytest.raises(ValueError, match=message):
        overlay(**arguments)
