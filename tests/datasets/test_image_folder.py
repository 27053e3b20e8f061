import pathlib
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from PIL import features

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
    assert values(ds) == [30, 40, 10, 20, 50]
    labels = np.concatenate([labels for _, labels in ds.as_numpy_iterator()])
    np.testing.assert_array_equal(labels.argmax(1), [0, 0, 1, 1, 2])
    np.testing.assert_array_equal(labels.sum(1), 1)


def test_shards_and_resizing(folder):
    parts = [values(image_folder(folder, image_size=4, shard=(i, 2))) for i in (0, 1)]
    assert parts == [[30, 10, 50], [40, 20]]
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
    "floats_to_1": (Image.new("F", (2, 2), 100 / 255), (100, 100, 100)),
    "floats_to_255": (Image.new("F", (2, 2), 100.0), (100, 100, 100)),
    "clear": (Image.new("RGBA", (2, 2), (200, 100, 50, 0)), (255, 255, 255)),
    "opaque": (Image.new("RGBA", (2, 2), (200, 100, 50, 255)), (200, 100, 50)),
    "grey_clear": (Image.new("LA", (2, 2), (70, 0)), (255, 255, 255)),
    "palette": (Image.new("RGB", (2, 2), (200, 100, 50)).quantize(2), (200, 100, 50)),
}


@pytest.mark.parametrize("mode", MODES)
def test_modes_become_rgb(tmp_path, mode):
    image, expected = MODES[mode]
    image.save(tmp_path / ("a.tif" if image.mode == "F" else "a.png"))
    (found,) = image_folder(tmp_path, image_size=2, batch_size=None)
    np.testing.assert_array_equal(found, np.full((2, 2, 3), expected))


@pytest.mark.filterwarnings("ignore:image_folder. skipped 1 of")
@pytest.mark.parametrize(
    ("mode", "level", "message"),
    [
        ("F", 300.0, "levels from 300 to 300, not from 0 to 255"),
        ("F", -1.0, "levels from -1 to -1, not from 0 to 1"),
        ("F", float("nan"), "levels from nan to nan"),
        ("I", 70000, "levels from 70000 to 70000, not from 0 to 65535"),
        ("I", -5, "levels from -5 to -5"),
    ],
)
def test_levels_of_no_known_range_are_no_picture(tmp_path, mode, level, message):
    Image.new(mode, (2, 2), level).save(tmp_path / "a.tif")
    save(tmp_path / "b.png", 7)
    with pytest.warns(UserWarning, match=f"skipped .*a.tif: {message}"):
        assert values(image_folder(tmp_path, image_size=2)) == [7]


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
    np.testing.assert_array_equal(images[:, 0, 0, 0], [30, 40, 10, 20, 50])
    np.testing.assert_array_equal(labels.argmax(1), [0, 0, 1, 1, 2])


def test_bad_files_are_named_once_and_left_out(folder):
    for name in ("dog/a.bmp", "owl/d.webp"):
        folder.joinpath(name).write_bytes(b"GIF89a broken")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ds = image_folder(folder, image_size=4)
        assert values(ds) == [30, 40, 20]
        assert values(ds) == [30, 40, 20]
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
    with pytest.raises(
        FileNotFoundError, match="`directory` should .*Received: .*none"
    ):
        image_folder(folder / "none")
    message = r"`class_names` should .*\['cat', 'dog', 'owl'\].*Received: .*\['cow'\]"
    with pytest.raises(ValueError, match=message):
        image_folder(folder, class_names=["cow"])
    with pytest.raises(ValueError, match="`limit` should .*Received: limit=-1"):
        image_folder(folder, limit=-1)
    with pytest.raises(ValueError, match="`class_names` should hold no name twice"):
        image_folder(folder, class_names=["cat", "owl", "cat"])
    with pytest.raises(ValueError, match="`class_names` should be a list of names in"):
        image_folder(folder, class_names="cat")
    folder.joinpath("empty").mkdir()
    with pytest.raises(ValueError, match="`directory` should hold .*Received: .*empty"):
        image_folder(folder / "empty")


def test_a_class_without_pictures_is_an_error(folder):
    folder.joinpath("emu").mkdir()
    folder.joinpath("emu", "notes.txt").write_text("to be photographed")
    message = "at least one picture for each class.*Received: no picture .*emu$"
    for names in (None, ["cat", "emu"]):
        with pytest.raises(ValueError, match=message):
            image_folder(folder, class_names=names)
    assert image_folder(folder, class_names=["cat", "owl"]).class_names == [
        *("cat", "owl")
    ]


def test_pictures_beside_subfolders_do_not_disappear(tmp_path):
    for i in range(5):
        save(tmp_path / f"{i}.png", i)
    # A subfolder without pictures is no class of pictures beside it.
    tmp_path.joinpath("results").mkdir()
    tmp_path.joinpath("results", "table.csv").write_text("")
    assert values(image_folder(tmp_path, image_size=4)) == [0, 1, 2, 3, 4]
    save(tmp_path / "more" / "5.png", 5)
    message = (
        "`directory` should hold either pictures or a subfolder .* 5 pictures such as "
        r"0.png beside the subfolders \['more'\]$"
    )
    with pytest.raises(ValueError, match=message):
        image_folder(tmp_path)
    assert values(image_folder(tmp_path, image_size=4, class_names=["more"])) == [5]
    alone = image_folder(tmp_path, image_size=4, class_names=[])
    assert values(alone) == [0, 1, 2, 3, 4] and alone.class_names == []


def test_what_nobody_means_to_load_is_passed_over(folder):
    before = values(image_folder(folder, image_size=4))
    places = [
        *("dog/.ipynb_checkpoints/b.png", "__MACOSX/dog/b.png", "dog/__MACOSX/b.png"),
        *("dog/deeper/.thumbnails/b.png", ".Trash/b.png", "dog/._b.png"),
    ]
    for place in places:
        save(folder / place, 99)
    for place in ("dog/Thumbs.db", "Thumbs.db", "desktop.ini", ".DS_Store"):
        folder.joinpath(place).write_bytes(b"")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ds = image_folder(folder, image_size=4)
        assert values(ds) == before and ds.class_names == ["cat", "dog", "owl"]


def test_every_picture_that_pillow_reads_is_read(tmp_path):
    names = "jpg JPEG jpe jfif png bmp dib gif webp tif TIFF ppm pgm tga jp2".split()
    names += ["avif"] * features.check("avif")
    for level, name in enumerate(names):
        save(tmp_path / f"{level:02}.{name}", 10 * level, size=16)
    # Its first bytes tell what a file of another name is.
    save(tmp_path / "a.png", 200)
    tmp_path.joinpath("a.png").rename(tmp_path / "a.png_large")
    save(tmp_path / "b.png", 210)
    tmp_path.joinpath("b.png").rename(tmp_path / "b")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = values(image_folder(tmp_path, image_size=4))
    expected = [*(10 * level for level in range(len(names))), 200, 210]
    np.testing.assert_allclose(found, expected, atol=3)


def test_what_pillow_cannot_read_is_counted_in_one_warning(folder):
    for name in ("dog/x.heic", "dog/y.HEIC", "cat/z.svg", "owl/w"):
        folder.joinpath(name).write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.warns(UserWarning) as caught:
        assert len(values(image_folder(folder, image_size=4))) == 5
    (warning,) = caught
    assert str(warning.message).startswith(
        "image_folder: left out 4 of 9 files, which Pillow cannot read (.heic: 2, "
        ".svg: 1, no ending: 1), such as "
    )
    for file in folder.joinpath("owl").glob("*.webp"):
        file.unlink()
    with pytest.raises(ValueError, match="no picture that Pillow reads in .*owl$"):
        image_folder(folder)
    message = (
        "`directory` should hold .*owl, which holds 1 files that Pillow cannot read"
    )
    with pytest.raises(ValueError, match=message):
        image_folder(folder / "owl")


def test_order_is_that_of_keras(tmp_path):
    places = [
        *("b/a.png", "b/B.png", "b/a/0.png", "b/a b/0.png", "b/a/c/9.png"),
        *("b/10.png", "b/9.png", "B/0.png", "\u00e9/0.png", "a_b/1.png", "a/1.png"),
        *("\u732b/1.png", "A/\u00c9.png", "A/z.png", "10/x.png", "9/x.png"),
    ]
    for value, place in enumerate(places):
        save(tmp_path / place, value)
    theirs = keras.utils.image_dataset_from_directory(
        tmp_path, image_size=(4, 4), shuffle=False, verbose=False
    )
    ours = image_folder(tmp_path, image_size=4)
    assert ours.class_names == theirs.class_names
    assert values(ours) == values(theirs)
    labels = np.concatenate([np.argmax(rows, 1) for _, rows in ours])
    np.testing.assert_array_equal(labels, np.concatenate([y for _, y in theirs]))


def test_class_names_as_keras_has_them(folder):
    indices = {"cat": 1, "dog": 2, "owl": 0}
    ds = image_folder(folder, class_names=indices, image_size=4)
    assert ds.class_names == ["owl", "cat", "dog"]
    assert values(ds) == [50, 30, 40, 10, 20]


def test_names_that_differ_in_case_or_in_how_accents_are_written(tmp_path):
    save(tmp_path / "Cat" / "a.png", 1)
    save(tmp_path / "cafe\u0301" / "a.png", 2)
    names = ["caf\u00e9", "Cat"]
    if not tmp_path.joinpath("cat").exists():  # The file system keeps them apart.
        save(tmp_path / "cat" / "a.png", 3)
        names.append("cat")
    ds = image_folder(tmp_path, class_names=names, image_size=4)
    assert ds.class_names == names and values(ds) == [2, 1, 3][: len(names)]
    assert set(image_folder(tmp_path).class_names) == set(names)


def test_links_are_followed_once(tmp_path):
    save(tmp_path / "elsewhere" / "a.png", 1)
    save(tmp_path / "elsewhere" / "deeper" / "b.png", 2)
    root = tmp_path / "photos"
    save(root / "cat" / "c.png", 3)
    root.joinpath("cat", "linked").symlink_to(tmp_path / "elsewhere")
    root.joinpath("cat", "loop").symlink_to(root / "cat")
    root.joinpath("dog").symlink_to(tmp_path / "elsewhere")
    root.joinpath("cat", "gone").symlink_to(tmp_path / "nowhere")
    with pytest.warns(UserWarning, match="left out 1 of 6 files.*no ending: 1"):
        ds = image_folder(root, image_size=4)
    assert ds.class_names == ["cat", "dog"] and values(ds) == [3, 1, 2, 1, 2]


@pytest.mark.skipif(not SAMPLE.exists(), reason=f"needs the photographs of {SAMPLE}")
def test_real_photographs():
    (images,) = image_folder(SAMPLE, limit=32)
    assert images.shape == (32, 224, 224, 3)
    assert 60 < np.mean(images) < 180
