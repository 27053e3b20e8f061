import pathlib
import warnings

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_explainer.datasets import image_folder

SAMPLE = pathlib.Path(__file__).parents[3] / "shared" / "data" / "imagenet_sample"


def save(path, value, size=4):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (size, size), (value, value, value)).save(path)


def values(ds):
    """The value of each image in one epoch."""
    batches = (b if isinstance(b, tuple) else (b,) for b in ds.as_numpy_iterator())
    return [image.flat[0] for batch in batches for image in batch[0]]


@pytest.fixture
def folder(tmp_path):
    save(tmp_path / "dog" / "b.png", 20)
    save(tmp_path / "dog" / "a.bmp", 10)
    save(tmp_path / "cat" / "deeper" / "c.PNG", 40)
    save(tmp_path / "cat" / "z.gif", 30)
    save(tmp_path / "owl" / "d.webp", 50)
    save(tmp_path / ".hidden" / "e.png", 60)
    tmp_path.joinpath("dog", "notes.txt").write_text("no picture")
    tmp_path.joinpath("dog", "._b.png").write_text("left by another system")
    return tmp_path


def test_subfolders_are_classes(folder):
    ds = image_folder(folder, image_size=4, batch_size=3)
    assert ds.class_names == ["cat", "dog", "owl"]
    assert ds.element_spec == (
        tf.TensorSpec((None, 4, 4, 3), tf.float32),
        tf.TensorSpec((None, 3), tf.float32),
    )
    assert values(ds) == [40, 30, 10, 20, 50]
    labels = np.concatenate([labels for _, labels in ds.as_numpy_iterator()])
    np.testing.assert_array_equal(labels.argmax(1), [0, 0, 1, 1, 2])
    np.testing.assert_array_equal(labels.sum(1), 1)


def test_shards_and_resizing(folder):
    parts = [values(image_folder(folder, image_size=4, shard=(i, 2))) for i in (0, 1)]
    assert parts == [[40, 10, 50], [30, 20]]
    save(folder / "owl" / "d.webp", 0)
    Image.new("RGB", (8, 4), (90, 90, 90)).save(folder / "owl" / "wide.png")
    options = {"image_size": 4, "batch_size": None, "class_names": ["owl"]}
    _, (padded, _) = image_folder(folder, resizing="pad", **options).as_numpy_iterator()
    expected = np.array([0, 90, 90, 0])[:, None, None] * np.ones((4, 4, 3))
    np.testing.assert_array_equal(padded, expected)
    _, (cut, _) = image_folder(folder, resizing="crop", **options).as_numpy_iterator()
    np.testing.assert_array_equal(cut, np.full((4, 4, 3), 90))
    with pytest.raises(ValueError, match="`resizing` should be.*Received: resizing=1"):
        image_folder(folder, resizing=1)


def test_class_names_choose_and_order(folder):
    ds = image_folder(folder, class_names=["owl", "dog"], image_size=4)
    assert ds.class_names == ["owl", "dog"]
    images, labels = next(ds.as_numpy_iterator())
    np.testing.assert_array_equal(images[:, 0, 0, 0], [50, 10, 20])
    np.testing.assert_array_equal(labels, [[1, 0], [0, 1], [0, 1]])


@pytest.mark.parametrize("batch_size", [None, 2])
def test_folder_without_subfolders(folder, batch_size):
    ds = image_folder(str(folder / "dog"), image_size=(4, 6), batch_size=batch_size)
    assert ds.class_names == []
    shape = (4, 6, 3) if batch_size is None else (None, 4, 6, 3)
    assert ds.element_spec == tf.TensorSpec(shape, tf.float32)
    found = np.reshape(list(ds.as_numpy_iterator()), (2, -1))
    np.testing.assert_array_equal(found[:, 0], [10, 20])


def test_preprocess_input(folder):
    ds = image_folder(
        folder / "dog", image_size=4, preprocess_input=lambda x: x / 10 - 1
    )
    np.testing.assert_allclose(values(ds), [0, 1])


def test_limit_shuffle_and_cache(tmp_path):
    for i in range(8):
        save(tmp_path / f"{i}.png", i)
    assert values(image_folder(tmp_path, image_size=4, limit=3)) == [0, 1, 2]
    ds = image_folder(tmp_path, image_size=4, shuffle=True, cache=True)
    first = values(ds)
    for file in tmp_path.iterdir():
        file.unlink()
    second = values(ds)
    assert sorted(first) == sorted(second) == list(range(8))
    assert first != second


MODES = {
    "rgb": (Image.new("RGB", (2, 2), (200, 100, 50)), (200, 100, 50)),
    "grey": (Image.new("L", (2, 2), 70), (70, 70, 70)),
    "two_values": (Image.new("1", (2, 2), 1), (255, 255, 255)),
    "grey_16_bits": (Image.fromarray(np.full((2, 2), 25700, "uint16")), (100,) * 3),
    "clear": (Image.new("RGBA", (2, 2), (200, 100, 50, 0)), (255, 255, 255)),
    "opaque": (Image.new("RGBA", (2, 2), (200, 100, 50, 255)), (200, 100, 50)),
    "grey_clear": (Image.new("LA", (2, 2), (70, 0)), (255, 255, 255)),
    "palette": (Image.new("RGB", (2, 2), (200, 100, 50)).quantize(2), (200, 100, 50)),
}


@pytest.mark.parametrize("mode", MODES)
def test_modes_become_rgb(tmp_path, mode):
    image, expected = MODES[mode]
    image.save(tmp_path / "a.png")
    (found,) = image_folder(tmp_path, image_size=2, batch_size=None)
    np.testing.assert_array_equal(found, np.full((2, 2, 3), expected))


def test_cmyk_becomes_rgb(tmp_path):
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=100)
    (found,) = image_folder(tmp_path, image_size=8, batch_size=None)
    np.testing.assert_allclose(found, np.full((8, 8, 3), (255, 0, 0)), atol=3)


def test_transparent_palette_is_laid_over_white(tmp_path):
    image = Image.new("P", (2, 2), 0)
    image.putpalette([200, 100, 50, 0, 0, 0])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "a.png", transparency=1)
    (found,) = image_folder(tmp_path, image_size=2, batch_size=None)
    np.testing.assert_array_equal(found[0], [[200, 100, 50], [255, 255, 255]])


def test_exif_orientation(tmp_path):
    image = Image.fromarray(np.uint8([[0, 80], [160, 240]]))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    image.save(tmp_path / "a.png", exif=exif)
    (found,) = image_folder(tmp_path, image_size=2, batch_size=None)
    np.testing.assert_array_equal(found[..., 0], [[160, 0], [240, 80]])


def test_augmentation_keeps_labels(folder):
    ds = image_folder(folder, image_size=16, augment=True)
    images, labels = next(ds.as_numpy_iterator())
    assert images.shape == (5, 16, 16, 3)
    np.testing.assert_array_equal(images[:, 0, 0, 0], [40, 30, 10, 20, 50])
    np.testing.assert_array_equal(labels.argmax(1), [0, 0, 1, 1, 2])


def test_bad_files_are_named_once_and_left_out(folder):
    for name in ("dog/a.bmp", "owl/d.webp"):
        folder.joinpath(name).write_bytes(b"GIF89a broken")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ds = image_folder(folder, image_size=4)
        assert values(ds) == [40, 30, 20]
        assert values(ds) == [40, 30, 20]
    messages = [str(warning.message) for warning in caught]
    assert len(messages) == 3
    assert any("a.bmp" in message for message in messages)
    assert any("d.webp" in message for message in messages)
    assert messages[-1] == "image_folder: skipped 2 of 5 files"


@pytest.mark.filterwarnings("ignore:image_folder. skipped")
def test_error_if_all_files_are_bad(tmp_path):
    tmp_path.joinpath("a.png").write_bytes(b"")
    with pytest.raises(ValueError, match="`image_folder` needs .*: 1 bad files"):
        image_folder(tmp_path)


def test_errors(folder):
    with pytest.raises(FileNotFoundError, match="`directory` must .*Received: .*none"):
        image_folder(folder / "none")
    message = r"`class_names` must .*\['cat', 'dog', 'owl'\].*Received: .*\['cow'\]"
    with pytest.raises(ValueError, match=message):
        image_folder(folder, class_names=["cow"])
    with pytest.raises(ValueError, match="`limit` must .*Received: limit=-1"):
        image_folder(folder, limit=-1)
    folder.joinpath("empty").mkdir()
    with pytest.raises(ValueError, match="`directory` must hold .*Received: .*empty"):
        image_folder(folder / "empty")


@pytest.mark.skipif(not SAMPLE.exists(), reason=f"needs the photographs of {SAMPLE}")
def test_real_photographs():
    (images,) = image_folder(SAMPLE, limit=32)
    assert images.shape == (32, 224, 224, 3)
    assert 60 < np.mean(images) < 180
