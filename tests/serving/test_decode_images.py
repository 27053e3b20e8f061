"""Files inside the served graph: the pixels of Pillow, or a clear error."""

import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from exported import file_of
from exported import photograph
from PIL import Image

from keras_explainer.serving.decode_images import decode_images

SIZE = (32, 24)
PICTURE = photograph()
RED = Image.new("RGB", PICTURE.size, "red")
NOISE = np.random.default_rng(0).integers(0, 256, (50, 70, 3)).astype("uint8")


@pytest.fixture(scope="module")
def decode():
    function = tf.function(
        lambda files: decode_images(files, SIZE),
        input_signature=[tf.TensorSpec((None,), tf.string)],
    )

    def run(*files):
        images, sizes = function(tf.constant(files, tf.string, shape=(len(files),)))
        return images.numpy(), sizes.numpy()

    return run


def header(width, height, kind):
    """A file that claims a size and holds no pixels."""
    if kind == "PNG":
        chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        length, check = struct.pack(">I", 13), struct.pack(">I", zlib.crc32(chunk))
        return b"\x89PNG\r\n\x1a\n" + length + chunk + check
    frame = struct.pack(">BHHB", 8, height, width, 3)
    frame += bytes([1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0])
    scan = bytes([0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0])
    return b"\xff\xd8\xff\xc0\x00\x11" + frame + b"\xff\xda" + scan


TRUNCATED = file_of(PICTURE)[:-600]
NOT_A_FILE = "should be whole JPEG or PNG files. Received: image"
BAD = {
    "truncated JPEG": (TRUNCATED, "Invalid JPEG data"),
    "truncated PNG": (file_of(PICTURE, "PNG")[:200], "Invalid PNG data"),
    "text": (b"This is no picture, but a text of some length.", NOT_A_FILE),
    "zero bytes": (b"", f"{NOT_A_FILE} 0 of 0 bytes"),
    "three bytes": (b"\xff\xd8\xff", f"{NOT_A_FILE} 0 of 3 bytes"),
    "GIF": (file_of(PICTURE, "GIF"), NOT_A_FILE),
    "animated WebP": (
        file_of(PICTURE, "WEBP", save_all=True, append_images=[RED]),
        NOT_A_FILE,
    ),
    "large JPEG": (
        header(20_000, 20_000, "JPEG"),
        "should have 1 to 33554432 pixels. Received: image 0 of 20000 x 20000 pixels",
    ),
    "large PNG": (header(20_000, 20_000, "PNG"), "image 0 of 20000 x 20000 pixels"),
    "overflowing PNG": (header(2**32 - 1, 2**32 - 1, "PNG"), "4294967295 x 4294967295"),
    "empty PNG": (header(0, 5, "PNG"), "image 0 of 0 x 5 pixels"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files(decode, name):
    content, message = BAD[name]
    good = file_of(PICTURE)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        decode(content)
    # Among others, and with the next request answered.
    with pytest.raises(tf.errors.InvalidArgumentError, match="image|Invalid"):
        decode(good, content, good)
    assert decode(good)[0].shape == (1, *SIZE, 3)


def test_the_bad_file_is_named(decode):
    with pytest.raises(tf.errors.InvalidArgumentError, match="image 2 of 17 bytes"):
        decode(file_of(PICTURE), file_of(RED), b"seventeen letters")


WIDE_GREY = Image.fromarray((NOISE[..., 0] * 257.0).astype("uint16"))
SPECIAL = {
    "JPEG": file_of(PICTURE, quality=85),
    "progressive JPEG": file_of(PICTURE, progressive=True),
    "noisy JPEG": file_of(Image.fromarray(NOISE)),
    "grey JPEG": file_of(PICTURE.convert("L")),
    "CMYK JPEG": file_of(PICTURE.convert("CMYK")),
    "PNG": file_of(PICTURE, "PNG"),
    "grey PNG": file_of(PICTURE.convert("L"), "PNG"),
    "16-bit PNG": file_of(WIDE_GREY, "PNG"),
    "palette PNG": file_of(PICTURE.convert("P"), "PNG"),
    "transparent PNG": file_of(PICTURE.convert("RGBA"), "PNG"),
    "animated PNG": file_of(PICTURE, "PNG", save_all=True, append_images=[RED]),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_pixels_are_those_of_pillow(decode, tmp_path, name):
    path = tmp_path / "picture"
    path.write_bytes(SPECIAL[name])
    with Image.open(path) as image:
        if image.mode.startswith("I"):
            image = Image.fromarray((np.asarray(image) // 257).astype("uint8"))
        image = image.convert("RGB")
    (levels,), (size,) = decode(SPECIAL[name])
    assert tuple(size) == (image.height, image.width)
    expected = np.asarray(image.resize(SIZE[::-1], Image.Resampling.BILINEAR))
    # Decoding is exact with Pillow's libjpeg-turbo, as would not be with all others;
    # a level of difference is left of rounding halves.
    assert np.abs(levels - expected).max() <= 1
    assert (levels != expected).mean() < 0.02


def test_no_file_at_all(decode):
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least one file"):
        decode()
