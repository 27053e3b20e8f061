import stat
import types

import numpy as np
import pytest
from PIL import Image

from keras_explainer.visualization import class_grid
from keras_explainer.visualization import save_figure
from keras_explainer.visualization import save_image


def test_picture_and_mask_survive_the_file(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (5, 6, 3), "uint8")
    path = tmp_path / "new" / "folder" / "picture.png"
    save_image(picture, path)
    np.testing.assert_array_equal(np.array(Image.open(path)), picture)

    save_image([[0.0, 0.5], [1.0, 0.25]], str(path))
    with Image.open(path) as image:
        assert image.mode == "L"
        assert np.array(image).tolist() == [[0, 128], [255, 64]]
    save_image(np.array([[True, False]]), path)
    assert np.array(Image.open(path)).tolist() == [[255, 0]]


def test_figure_is_written_as_it_is_drawn(tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    figure = class_grid(np.full((8, 8), 200), np.ones((8, 8, 1)), ["dog"], [0.9])
    with matplotlib.rc_context({"savefig.bbox": "tight", "savefig.facecolor": "k"}):
        save_figure(figure, tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as image:
        written = np.array(image)
    np.testing.assert_array_equal(written, np.asarray(figure.canvas.buffer_rgba()))
    assert np.all(written[0, 0] == 255)


def test_failed_writing_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "figure.png"
    path.write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        raise RuntimeError("disk")

    broken = types.SimpleNamespace(canvas=types.SimpleNamespace(print_png=fail))
    with pytest.raises(RuntimeError, match="disk"):
        save_figure(broken, path)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["figure.png"]


def test_file_has_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "other").touch()
    save_image(np.zeros((2, 2)), tmp_path / "mask.png")
    modes = {stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}
    assert len(modes) == 1


@pytest.mark.parametrize(
    ("array", "name", "message"),
    [
        (np.zeros((2, 2)), "mask.jpg", '`path` should end in ".png". Received'),
        (np.full((2, 2), 200, "uint8"), "a.png", "`array` should hold .* 0 to 1"),
        (np.full((2, 2, 3), 0.5), "a.png", "`array` should hold .* 0 to 255"),
        (np.zeros((2, 2, 2)), "a.png", "`array` should have shape"),
    ],
)
def test_errors_name_the_argument(tmp_path, array, name, message):
    with pytest.raises(ValueError, match=message):
        save_image(array, tmp_path / name)
    assert not list(tmp_path.iterdir())
