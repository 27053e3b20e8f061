import io
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from PIL import Image
from PIL import ImageColor

from keras_explainer import visualization
from keras_explainer.runs import explanation_files
from keras_explainer.visualization import class_color
from keras_explainer.visualization import class_grid
from keras_explainer.visualization import contact_sheet
from keras_explainer.visualization import gallery

pytest.importorskip("matplotlib")
from matplotlib.colors import to_hex  # noqa: E402

CORGI = "Pembroke, Pembroke Welsh corgi"
IMAGES = np.zeros((2, 12, 12))
NAMES = ["cat", CORGI, "hippopotamus_amphibius_of_the_nile", "$dog$"]


def explanation(count=2, classes=((1, 0), (3, -1)), size=12):
    classes = np.array(classes)
    masks = np.zeros((count, size, size, classes.shape[1]), "float32")
    masks[:, :, size // 2 :, 0] = 1
    return SimpleNamespace(
        masks=masks,
        classes=classes,
        scores=np.array([[0.934, 0.05]] * count)[:, : classes.shape[1]],
        target_mask=masks.max(-1),
    )


def drawn(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3]


def test_a_notebook_shows_a_figure_as_it_is_saved():
    figure = gallery(IMAGES, explanation())
    shown = Image.open(io.BytesIO(figure._repr_png_())).convert("RGB")
    np.testing.assert_array_equal(np.asarray(shown), drawn(figure))


def panels(figure):
    """The pixels of every panel as they come out on the canvas."""
    canvas = drawn(figure)
    pieces = []
    for axes in figure.axes:
        box = axes.get_window_extent()
        bottom, top = round(len(canvas) - box.y0), round(len(canvas) - box.y1)
        pieces.append(canvas[top:bottom, round(box.x0) : round(box.x1)])
    return pieces


def texts(figure):
    return [text.get_text() for text in figure.texts if text.get_text()]


def assert_readable(figure):
    """No text leaves the figure or touches a picture or another text."""
    renderer = figure.canvas.get_renderer()
    written = [t.get_window_extent(renderer) for t in figure.texts if t.get_text()]
    shown = [axes.get_window_extent() for axes in figure.axes]
    for i, box in enumerate(written):
        assert box.x0 >= 0 and box.x1 <= figure.bbox.width
        assert box.y0 >= 0 and box.y1 <= figure.bbox.height
        assert not any(box.overlaps(other) for other in written[:i] + shown)


def test_panels_are_placed_to_the_pixel():
    image = np.random.default_rng(0).integers(0, 256, (37, 53, 3), "uint8")
    figure = class_grid(image, np.ones((37, 53, 3)), ["a", "b", "c"], [0.5] * 3)
    for axes, piece in zip(figure.axes, panels(figure), strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), piece)
    # Every mask is one everywhere, so all four panels show the same photograph.
    for piece in panels(figure)[1:]:
        np.testing.assert_array_equal(piece, panels(figure)[0])


def test_class_grid_shows_image_masks_and_captions():
    masks = np.stack([np.ones((4, 4)), np.zeros((4, 4))], -1)
    figure = class_grid(np.full((8, 8), 200), masks, ["dog", "cat"], [0.934, 0.05])
    image, dog, cat = panels(figure)
    assert np.all(image == 200) and np.all(dog == 200) and np.all(cat == 70)
    assert texts(figure) == ["image", "dog 0.93", "cat 0.05"]
    assert_readable(figure)
    # A bar of the class's colour runs right under its picture.
    box = figure.axes[2].get_window_extent()
    below = drawn(figure)[round(figure.bbox.height - box.y0) + 2, round(box.x0) + 50]
    assert tuple(below) == ImageColor.getrgb(class_color(1))


def test_captions_tell_both_parts_of_a_verified_mask():
    masks = np.ones((4, 4, 2))
    proof = {"kept_scores": [0.911, 0.02], "removed_scores": [0.05, 0.0]}
    figure = class_grid(IMAGES[0], masks, ["dog", "cat"], [0.934, 0.05], **proof)
    told = ["alone 0.91, without 0.05", "alone 0.02, without 0.00"]
    assert texts(figure) == ["image", "dog 0.93", told[0], "cat 0.05", told[1]]
    assert_readable(figure)
    found = explanation()
    found.kept_scores = np.array([[0.8, 0.1], [0.7, 0.0]])
    found.removed_scores = np.array([[0.3, 0.2], [0.1, 0.0]])
    figure = gallery(IMAGES, found, NAMES, columns=["classes"])
    assert texts(figure)[1:] == [
        *(f"{CORGI} 0.93", "alone 0.80, without 0.30"),
        *("cat 0.05", "alone 0.10, without 0.20"),
        *("$dog$ 0.93", "alone 0.70, without 0.10"),
    ]
    # Where many classes share a row, on lines of their own.
    figure = class_grid(
        IMAGES[0],
        np.ones((4, 4, 12)),
        [CORGI] * 12,
        np.ones(12),
        columns=11,
        kept_scores=np.ones(12),
        removed_scores=np.zeros(12),
    )
    assert texts(figure)[-2:] == ["alone 1.00", "without 0.00"]
    assert_readable(figure)
    # Those of an explanation that was not verified are None.
    found.kept_scores = found.removed_scores = None
    assert "alone" not in " ".join(texts(gallery(IMAGES, found, NAMES)))


def bar_colors(figure):
    """The colours of the bars under the masks, from the first panel on."""
    return [to_hex(bar.get_facecolor()).upper() for bar in figure.artists]


def test_a_class_has_one_color_in_all_pictures(tmp_path):
    expected = [class_color(index) for index in (3, 1)]
    masks, classes = np.zeros((4, 4, 2)), np.array([3, 1])
    masks[:2] = 1
    grid = class_grid(IMAGES[0], masks, NAMES[:2], [0.5, 0.5], classes=classes)
    assert bar_colors(grid) == expected
    rows = gallery(IMAGES[:1], explanation(1, classes[None]), NAMES)
    assert bar_colors(rows) == expected
    # The line around a mask, too.
    sheet = contact_sheet(IMAGES, [masks[..., 0]] * 2, ["a", "b"], classes=classes)
    for pair, color in zip(panels(sheet), expected):
        line = np.all(np.abs(pair.astype(int) - ImageColor.getrgb(color)) < 40, -1)
        assert line.any()
    others = contact_sheet(IMAGES, [masks[..., 0]] * 2, ["a", "b"])
    assert not np.array_equal(drawn(sheet), drawn(others))
    # `explain` writes the most probable class first.
    found = {}
    with mock.patch.object(explanation_files, "save_figure", found.setdefault):
        files = explanation_files.ExplanationFiles(tmp_path, NAMES)
        picture = Image.new("RGB", (4, 4))
        files.write(Path("a.png"), picture, masks, classes, np.array([0.9, 0.1]))
    assert [bar_colors(figure) for figure in found] == [expected]


def test_gallery_takes_names_by_index():
    shown = gallery(IMAGES, explanation(), {3: "cow", 1: "dog", 0: "cat"})
    assert texts(shown)[4:] == ["dog 0.93", "cat 0.05", "cow 0.93"]
    shown = gallery(IMAGES, explanation(), {"cat": 0, "dog": 1, "owl": 2, "cow": 3})
    assert texts(shown)[4:] == ["dog 0.93", "cat 0.05", "cow 0.93"]
    with pytest.raises(ValueError, match="`class_names` should be a list of names in"):
        gallery(IMAGES, explanation(), "abcd")


def test_class_grid_wraps_many_classes():
    masks = np.ones((4, 4, 20))
    figure = class_grid(np.zeros((8, 8)), masks, [CORGI] * 20, np.ones(20), columns=6)
    assert len(figure.axes) == 21
    assert len({round(axes.get_position().y0, 3) for axes in figure.axes}) == 4
    assert figure.bbox.width <= 1351
    assert_readable(figure)


def test_gallery_draws_a_row_for_each_photograph():
    images = np.full((2, 12, 12, 3), 200, "uint8")
    truth = np.ones((2, 12, 12), bool)
    figure = gallery(images, explanation(), NAMES, truth)
    headers = ["image", "class masks", "kept", "removed", "ground truth"]
    captions = ["Pembroke, Pembroke", "Welsh corgi 0.93", "cat 0.05", "$dog$ 0.93"]
    assert texts(figure) == headers + captions
    assert_readable(figure)

    # Six panels in the first row; one fewer in the second, whose class is -1.
    row = panels(figure)
    assert len(row) == 11
    image, first, second, kept, removed, ground_truth = row[:6]
    left, right = np.s_[:, :60], np.s_[:, -60:]
    assert np.all(image == 200) and np.all(ground_truth == 200)
    assert np.all(first[left] == 70) and np.all(first[right] == 200)
    assert np.all(second == 70)
    assert np.all(kept[left] == 128) and np.all(kept[right] == 200)
    assert np.all(removed[left] == 200) and np.all(removed[right] == 128)


def test_gallery_draws_the_columns_asked_for():
    images = np.zeros((2, 12, 12, 3), "uint8")
    figure = gallery(images, explanation(), columns=["kept", "classes"])
    assert texts(figure)[:2] == ["kept", "class masks"]
    assert texts(figure)[2:] == ["class 1 0.93", "class 0 0.05", "class 3 0.93"]
    # A class column empty everywhere is left out, and so is a row without any class.
    nothing = explanation(classes=((-1, -1), (2, -1)))
    figure = gallery(images, nothing, columns=("classes",))
    assert texts(figure) == ["class masks", "class 2 0.93"]
    assert_readable(figure)


def test_gallery_of_many_classes_grows_wider_and_stays_readable():
    many = SimpleNamespace(
        masks=np.zeros((1, 4, 4, 14)),
        classes=np.arange(14)[np.newaxis] % 4,
        scores=np.full((1, 14), 0.5),
        target_mask=np.zeros((1, 4, 4)),
    )
    figure = gallery(IMAGES[:1], many, NAMES, ground_truth=IMAGES[:1])
    assert len(figure.axes) == 18
    assert_readable(figure)


def test_gallery_takes_tensors_and_photographs_of_any_size():
    tf = pytest.importorskip("tensorflow")
    parts = vars(explanation())
    tensors = SimpleNamespace(**{k: tf.constant(v) for k, v in parts.items()})
    images = [np.zeros((30, 12)), tf.zeros((12, 40, 1))]
    figure = gallery(images, tensors, NAMES)
    assert_readable(figure)
    shapes = [piece.shape for piece in panels(figure)]
    assert shapes[0][0] == round(1.5 * shapes[-1][1])
    assert shapes[-1][1] / shapes[-1][0] == pytest.approx(40 / 12, rel=0.05)


def test_contact_sheet_pairs_photographs_with_masks():
    images = np.full((5, 12, 12, 3), 200, "uint8")
    masks = [np.ones((12, 12))] * 4 + [np.zeros((12, 12))]
    figure = contact_sheet(images, masks, ["one", "two", CORGI, "x" * 99, "$"])
    assert_readable(figure)
    assert len(figure.axes) == 5
    pair = panels(figure)[-1]
    half = (pair.shape[1] - 3) // 2
    assert np.all(pair[:, :half] == 200) and np.all(pair[:, -half:] == 70)
    assert np.all(pair[:, half:-half] == 255)
    tops = [axes.get_position().y1 for axes in figure.axes]
    assert len(set(tops[:4])) == 1 and tops[4] < tops[0]


def test_drawing_leaves_pyplot_alone():
    import matplotlib.pyplot as plt

    before = (plt.get_backend(), plt.get_fignums(), dict(plt.rcParams))
    drawn(gallery(np.zeros((2, 12, 12)), explanation()))
    assert (plt.get_backend(), plt.get_fignums(), dict(plt.rcParams)) == before


def test_settings_of_the_user_do_not_change_the_figure():
    import matplotlib

    images = np.zeros((2, 12, 12))
    plain = drawn(gallery(images, explanation(), NAMES))
    styled = {"font.size": 30, "figure.facecolor": "k", "image.origin": "lower"}
    with matplotlib.rc_context({**styled, "text.color": "w", "figure.dpi": 50}):
        np.testing.assert_array_equal(
            drawn(gallery(images, explanation(), NAMES)), plain
        )


def test_import_brings_no_matplotlib():
    # Keras imports matplotlib itself where it is installed, so a stub stands for it.
    code = f"""if True:
        import sys, types
        package = types.ModuleType("keras_explainer")
        package.__path__ = [{str(Path(visualization.__file__).parents[1])!r}]
        sys.modules["keras_explainer"] = package
        sys.modules["keras"] = keras = types.ModuleType("keras")
        keras.callbacks = types.SimpleNamespace(Callback=object)
        import keras_explainer.visualization
        assert "matplotlib" not in sys.modules and "tensorflow" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (
            lambda: gallery(IMAGES[:0], explanation()),
            "`images` should hold at least one",
        ),
        (lambda: gallery(IMAGES[:1], explanation()), "`explanation` should .*N=1"),
        (lambda: gallery(IMAGES, object()), "`explanation` should .* without"),
        (
            lambda: gallery(IMAGES, explanation(), ["cat"]),
            "`class_names` should .* to 3",
        ),
        (
            lambda: gallery(IMAGES, explanation(), ground_truth=IMAGES[:1]),
            "`ground_truth` should .* 1 masks",
        ),
        (lambda: gallery(IMAGES, explanation(), columns=3), "`columns` should .*=3"),
        (lambda: gallery(IMAGES, explanation(), columns="image"), "`columns` should"),
        (lambda: gallery(IMAGES, explanation(), columns=["x"]), "`columns` should"),
        (lambda: class_grid(IMAGES[0], IMAGES[0], ["a"], [1]), "`masks` should have"),
        (
            lambda: class_grid(IMAGES[0], np.ones((2, 2, 2)), ["a"], [1, 1]),
            "`class_names` should name the 2 masks. Received: 1",
        ),
        (
            lambda: class_grid(IMAGES[0], np.ones((2, 2, 1)), ["a"], [1, 1]),
            "`probabilities` should have shape",
        ),
        (
            lambda: class_grid(
                IMAGES[0], np.ones((2, 2, 1)), ["a"], [1], classes=[1, 2]
            ),
            r"`classes` should have shape \(1,\)",
        ),
        (
            lambda: class_grid(
                IMAGES[0], np.ones((2, 2, 1)), ["a"], [1], kept_scores=[1]
            ),
            r"`removed_scores` should have shape \(1,\).*shape=None",
        ),
        (
            lambda: class_grid(
                *(IMAGES[0], np.ones((2, 2, 1)), ["a"], [1]),
                kept_scores=[1, 1],
                removed_scores=[1],
            ),
            r"`kept_scores` should have shape \(1,\).*shape=\(2,\)",
        ),
        (
            lambda: contact_sheet(IMAGES, IMAGES, ["a", "b"], classes=[1]),
            "`classes` should be as many as the 2 images. Received: 1",
        ),
        (lambda: contact_sheet(IMAGES, IMAGES, ["a"]), "should be as many.*2, 2 and 1"),
        (
            lambda: contact_sheet(IMAGES, IMAGES, "ab", columns=0),
            "`columns` should be 1",
        ),
    ],
)
def test_errors_name_the_argument(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
