import pathlib
import warnings

import numpy as np
import pytest
from PIL import Image

from keras_explainer.datasets import VOC_CLASSES
from keras_explainer.datasets import voc

DEVKIT = pathlib.Path(__file__).parents[3] / "shared" / "data" / "VOCdevkit"
CAT, COW, DOG = (VOC_CLASSES.index(name) + 1 for name in ("cat", "cow", "dog"))
MASK = np.array(
    [[0, CAT, CAT, 255], [0, DOG, 255, 0], [COW, DOG, 0, 0], [COW, 255, 0, 0]], "uint8"
)


def write(root, name, image=None, mask=None, objects=None):
    """Writes the files of one example; the images are lossless, whatever their name."""
    folders = [root / f for f in ("JPEGImages", "SegmentationClass", "Annotations")]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    if image is not None:
        Image.fromarray(image).save(folders[0] / f"{name}.jpg", format="PNG")
    if mask is not None:
        picture = Image.fromarray(mask)
        picture.putpalette(bytes(range(256)) * 3)  # makes it a palette image
        picture.save(folders[1] / f"{name}.png")
    if objects is not None:
        nodes = "".join(
            f"<object><name>{o}</name><part><name>head</name></part></object>"
            for o in objects
        )
        text = f"<annotation><filename>{name}</filename>{nodes}</annotation>"
        (folders[2] / f"{name}.xml").write_text(text)


def write_split(root, split, names, kind="Segmentation"):
    folder = root / "ImageSets" / kind
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))


def flat_image(value, size=4):
    return np.full((size, size, 3), value, "uint8")


@pytest.fixture
def root(tmp_path):
    """A devkit of ten images, of which image `i` has the value `10 * i`."""
    names = [f"2012_{i:06}" for i in range(10)]
    folder = tmp_path / "VOC2012"
    for i, name in enumerate(names):
        write(folder, name, flat_image(10 * i), MASK)
    write_split(folder, "train", names)
    write_split(folder, "val", names[:4])
    return tmp_path


def values(ds):
    """The value of each image in one epoch."""
    return [
        image.flat[0] / 10 for batch in ds.as_numpy_iterator() for image in batch[0]
    ]


def test_voc_classes_are_the_official_twenty():
    assert len(VOC_CLASSES) == 20
    assert VOC_CLASSES == sorted(VOC_CLASSES)
    assert (CAT, COW, DOG) == (8, 10, 12)


def test_values(root):
    ds = voc(root, "val", image_size=4, batch_size=3, masks=True)
    assert ds.class_names == VOC_CLASSES
    (images, labels, masks), (last, _, _) = ds.as_numpy_iterator()
    assert (images.dtype, labels.dtype, masks.dtype) == ("float32", "float32", "uint8")
    np.testing.assert_array_equal(images, [flat_image(v) for v in (0, 10, 20)])
    np.testing.assert_array_equal(last, [flat_image(30)])
    np.testing.assert_array_equal(masks, [MASK] * 3)
    np.testing.assert_array_equal(
        np.flatnonzero(labels[0]) + 1, np.unique(MASK[(MASK > 0) & (MASK < 255)])
    )


def test_classes_renumber_the_mask(root):
    ds = voc(
        root, "val", classes=["dog", "cat"], image_size=4, batch_size=None, masks=True
    )
    assert ds.class_names == ["dog", "cat"]
    _, labels, mask = next(ds.as_numpy_iterator())
    np.testing.assert_array_equal(labels, [1, 1])
    np.testing.assert_array_equal(
        mask, [[0, 2, 2, 255], [0, 1, 255, 0], [0, 1, 0, 0], [0, 255, 0, 0]]
    )


def test_masks_are_resized_with_nearest(root):
    _, _, mask = next(
        voc(root, "val", image_size=(8, 4), batch_size=None, masks=True)
        .take(1)
        .as_numpy_iterator()
    )
    np.testing.assert_array_equal(mask, MASK.repeat(2, 0))


def test_labels_come_from_the_annotation(tmp_path):
    folder = tmp_path / "VOC2007"
    write(folder, "a", flat_image(1), MASK, objects=["sheep", "person", "sheep"])
    write(folder, "b", flat_image(2), MASK)
    write(folder, "c", flat_image(3), objects=["boat"])
    write_split(folder, "val", "abc")
    classes = ["person", "cat", "sheep"]
    ds = voc(tmp_path, "val", classes=classes, image_size=4)
    _, labels = next(ds.as_numpy_iterator())
    np.testing.assert_array_equal(labels, [[1, 0, 1], [0, 1, 0], [0, 0, 0]])


@pytest.mark.parametrize("batch_size", [None, 4])
def test_preprocess_input(root, batch_size):
    ds = voc(
        root,
        "val",
        image_size=4,
        batch_size=batch_size,
        masks=True,
        preprocess_input=lambda x: x / 10 - 1,
    )
    images, _, masks = next(ds.skip(1 if batch_size is None else 0).as_numpy_iterator())
    np.testing.assert_allclose(np.ravel(images)[-1], 0.0 if batch_size is None else 2.0)
    assert masks.max() == 255


def test_order(root):
    train = voc(root, image_size=4, batch_size=4)
    first, second = values(train), values(train)
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second and first != sorted(first)
    again = voc(root, image_size=4, batch_size=4)
    assert [values(again), values(again)] == [first, second]
    assert values(voc(root, image_size=4, seed=1)) != first
    assert values(voc(root, image_size=4, shuffle=False)) == list(range(10))
    assert values(voc(root, "val", image_size=4)) == [0, 1, 2, 3]
    assert values(voc(root, "val", image_size=4, limit=2)) == [0, 1]


def test_cache_reads_each_file_once(root):
    ds = voc(root, "val", image_size=4, masks=True, cache=True)
    first = [part.copy() for part in next(ds.as_numpy_iterator())]
    for file in (root / "VOC2012" / "JPEGImages").iterdir():
        file.unlink()
    for a, b in zip(first, next(ds.as_numpy_iterator())):
        np.testing.assert_array_equal(a, b)


def augmented(tmp_path, **options):
    """Vertical bars whose grey is 40 times the value of the mask, on 16 examples."""
    bars = np.arange(1, 5, dtype="uint8").repeat(16) * np.ones((64, 1), "uint8")
    names = [str(i) for i in range(16)]
    for name in names:
        write(tmp_path / "VOC2012", name, np.stack([40 * bars] * 3, -1), bars)
    write_split(tmp_path / "VOC2012", "val", names)
    return voc(
        tmp_path,
        "val",
        image_size=64,
        batch_size=16,
        masks=True,
        augment=True,
        **options,
    )


def test_augmentation_moves_image_and_mask_together(tmp_path):
    ds = augmented(tmp_path)
    assert ds.element_spec[0].shape == (None, 64, 64, 3)
    assert ds.element_spec[2].shape == (None, 64, 64)
    images, labels, masks = next(ds.as_numpy_iterator())
    # Where bars meet, the image blends what the mask decides for the nearer one.
    assert np.abs(images[..., 0] - 40.0 * masks).max() <= 20.01
    assert np.mean(images[..., 0] == 40.0 * masks) > 0.9
    np.testing.assert_array_equal(labels[:, :4], 1)
    np.testing.assert_array_equal(labels[:, 4:], 0)
    rising = np.sign(masks[:, 0, -1].astype(int) - masks[:, 0, 0])
    assert set(rising) == {-1, 1}
    widths = {np.count_nonzero(mask[0] == 2) for mask in masks}
    assert len(widths) > 3 and max(widths) <= 16 * 2**0.5 + 2


@pytest.mark.slow
def test_augmentation_is_seeded_and_new_in_each_epoch(tmp_path):
    first, again = augmented(tmp_path), augmented(tmp_path)
    a, b = (next(first.as_numpy_iterator())[2] for _ in range(2))
    c, d = (next(again.as_numpy_iterator())[2] for _ in range(2))
    other = next(augmented(tmp_path, seed=5).as_numpy_iterator())[2]
    np.testing.assert_array_equal(a, c)
    np.testing.assert_array_equal(b, d)
    assert not np.array_equal(a, b) and not np.array_equal(a, other)


def test_bad_files_are_named_once_and_left_out(root):
    folder = root / "VOC2012"
    images, masks = folder / "JPEGImages", folder / "SegmentationClass"
    images.joinpath("2012_000000.jpg").write_bytes(b"no picture")
    whole = images.joinpath("2012_000001.jpg").read_bytes()
    images.joinpath("2012_000001.jpg").write_bytes(whole[:-25])
    images.joinpath("2012_000002.jpg").unlink()
    masks.joinpath("2012_000003.png").unlink()
    Image.new("RGB", (4, 4)).save(masks / "2012_000004.png")
    write(folder, "2012_000005", mask=np.zeros((5, 4), "uint8"))
    write(folder, "2012_000006", objects=[])
    folder.joinpath("Annotations", "2012_000006.xml").write_text("<annotation>")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ds = voc(root, image_size=4, masks=True, batch_size=2)
        assert sorted(values(ds)) == [7, 8, 9]
        assert sorted(values(ds)) == [7, 8, 9]
    messages = [str(warning.message) for warning in caught]
    for number, kind in enumerate(["jpg"] * 3 + ["png"] * 3 + ["xml"]):
        file = f"2012_{number:06}.{kind}"
        assert sum(file in message for message in messages) == 1, file
    assert len(messages) == 8
    assert messages[-1] == "voc: skipped 7 of 10 files"
    assert "2012_000002.jpg: No such file or directory" in "".join(messages)
    assert "a mask must have a palette, not mode RGB" in "".join(messages)
    assert "size (4, 5), but the image has (4, 4)" in "".join(messages)


def test_oddities_are_counted_once(root):
    folder = root / "VOC2012"
    write(folder, "2012_000001", objects=["unicorn", "cat"])
    write(folder, "2012_000002", objects=[])
    write(folder, "2012_000003", objects=[])
    write(folder, "2012_000004", mask=np.full((4, 4), 77, "uint8"))
    write_split(folder, "odd", [f"2012_{i:06}" for i in (1, 2, 3, 1, 4, 1)])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ds = voc(root, "odd", image_size=4, masks=True)
        rows = [next(ds.as_numpy_iterator()) for _ in range(2)]
    np.testing.assert_array_equal(rows[0][0][:, 0, 0, 0], [10, 20, 30, 40])
    np.testing.assert_array_equal(rows[0][1].sum(1), [1, 0, 0, 0])
    np.testing.assert_array_equal(rows[0][2][3], 0)
    annotations = folder / "Annotations"
    assert sorted(str(warning.message) for warning in caught) == [
        "voc: 1 masks with values of no known class, such as 2012_000004",
        "voc: 1 names listed more than once, such as 2012_000001",
        "voc: 1 objects of no known class, such as 'unicorn' in "
        f"{annotations / '2012_000001.xml'}",
        "voc: 2 annotations without objects, such as "
        f"{annotations / '2012_000002.xml'}",
    ]


@pytest.mark.parametrize("resizing", ["squash", "crop", "pad"])
def test_resizing_of_image_and_mask(tmp_path, resizing):
    # A picture twice as high as wide, of four bands.
    bands = np.array([COW, DOG, CAT, 0], "uint8").repeat(4)[:, None].repeat(8, 1)
    image = np.repeat(10 * bands[..., None], 3, -1)
    write(tmp_path / "VOC2012", "a", image, bands)
    write_split(tmp_path / "VOC2012", "val", "a")
    sizes = {"squash": (4, 8), "crop": (8, 8), "pad": (16, 16)}
    ds = voc(
        tmp_path,
        "val",
        image_size=sizes[resizing],
        batch_size=None,
        masks=True,
        resizing=resizing,
    )
    image, _, mask = next(ds.as_numpy_iterator())
    expected = {
        "squash": np.repeat([[COW], [DOG], [CAT], [0]], 8, 1),
        # The middle 8 of 16 rows.
        "crop": np.repeat(np.repeat([[DOG], [CAT]], 4, 0), 8, 1),
        "pad": np.pad(bands, ((0, 0), (4, 4)), constant_values=255),
    }[resizing]
    np.testing.assert_array_equal(mask, expected)
    grey = 10.0 * np.where(expected == 255, 0, expected)
    if resizing == "squash":  # The image is averaged, across the edges of bands too.
        np.testing.assert_allclose(image[..., 0], grey, atol=20)
    else:
        np.testing.assert_array_equal(image[..., 0], grey)


def test_shards_are_everything_once(root):
    parts = [
        values(voc(root, image_size=4, shuffle=False, shard=(i, 3))) for i in range(3)
    ]
    assert parts == [[0, 3, 6, 9], [1, 4, 7], [2, 5, 8]]
    assert sorted(values(voc(root, image_size=4, shard=(1, 3)))) == [1, 4, 7]
    for wrong in [(3, 3), (-1, 2), (0, 11), (0,)]:
        with pytest.raises(ValueError, match="`shard` should be"):
            voc(root, shard=wrong)


def test_example_without_mask_is_kept_if_masks_are_not_asked_for(tmp_path):
    for name in "ab":
        write(tmp_path, name, flat_image(10), objects=["cat"])
    write(tmp_path, "b", mask=MASK)
    write_split(tmp_path, "val", "ab")
    assert len(values(voc(tmp_path, "val", image_size=4))) == 2
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert len(values(voc(tmp_path, "val", image_size=4, masks=True))) == 1
    missing = tmp_path / "SegmentationClass" / "a.png"
    assert [str(warning.message) for warning in caught] == [
        f"voc: skipped {missing}: No such file or directory",
        "voc: skipped 1 of 2 files",
    ]


@pytest.mark.filterwarnings("ignore:voc. skipped")
def test_error_if_all_files_are_bad(root):
    for file in (root / "VOC2012" / "JPEGImages").iterdir():
        file.write_bytes(b"")
    with pytest.raises(ValueError, match="`voc` needs .*Received: 10 bad files"):
        voc(root)


def test_year_and_root(root):
    write(root / "VOC2007", "a", flat_image(90), MASK)
    write_split(root / "VOC2007", "val", "a")
    newest = [0, 1, 2, 3]
    assert values(voc(root, "val", image_size=4)) == newest
    assert values(voc(str(root), "val", year="2012", image_size=4)) == newest
    assert values(voc(root, "val", year=2007, image_size=4)) == [9]
    assert values(voc(root / "VOC2007", "val", image_size=4)) == [9]
    message = r"`year` should be one of \['2007', '2012'\].*Received: year=1999"
    with pytest.raises(ValueError, match=message):
        voc(root, year=1999)


def test_split_of_main(root):
    write_split(root / "VOC2012", "test", ["2012_000005  1"], kind="Main")
    assert values(voc(root, "test", image_size=4)) == [5]
    write_split(root / "VOC2012", "train", ["2012_000007"], kind="Main")
    assert len(values(voc(root, "train", image_size=4))) == 10
    assert values(voc(root, "Main/train", image_size=4)) == [7]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "dev"}, r"`split`.*\['train', 'val'\].*Received: split='dev'"),
        (
            {"classes": ["cat", "unicorn"]},
            r"`classes`.*not \['unicorn'\].*Received: classes=\['cat', 'unicorn'\]",
        ),
        ({"classes": ["cat", "cat"]}, r"`classes`.*Received: classes=\['cat', 'cat'\]"),
        ({"classes": []}, r"`classes`.*Received: classes=\[\]"),
        ({"limit": 0}, "`limit`.*Received: limit=0"),
        ({"image_size": "big"}, "`image_size`.*Received: image_size=big"),
    ],
)
def test_errors(root, options, message):
    with pytest.raises(ValueError, match=message):
        voc(root, **options)


def test_error_of_an_empty_split(root):
    write_split(root / "VOC2012", "empty", [])
    with pytest.raises(ValueError, match="not empty.*Received: split='empty'"):
        voc(root, "empty")


@pytest.mark.parametrize("path", [".", "missing"])
def test_error_of_a_wrong_root(tmp_path, path):
    with pytest.raises(FileNotFoundError, match="`root` should be .*Received: root="):
        voc(tmp_path / path)


@pytest.mark.slow
@pytest.mark.skipif(not DEVKIT.exists(), reason=f"needs the photographs of {DEVKIT}")
def test_real_photographs():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ds = voc(DEVKIT, "val", masks=True)
        images, labels, _ = (np.concatenate(p) for p in zip(*ds.as_numpy_iterator()))
    assert images.shape == (441, 224, 224, 3)
    assert 90 < images.mean() < 140
    folder = DEVKIT / "VOC2012"
    names = folder.joinpath("ImageSets/Segmentation/val.txt").read_text().split()
    for name, row in zip(names, labels, strict=True):
        mask = np.asarray(Image.open(folder / "SegmentationClass" / f"{name}.png"))
        present = set(np.unique(mask)) - {0, 255}
        assert set(np.flatnonzero(row) + 1) == present, name
