"""Pictures of strangers: refused by what their header claims, in one sentence."""

import io
import pathlib
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from keras_explainer.datasets.voc import open_mask
from keras_explainer.files.open_picture import MAX_PIXELS
from keras_explainer.files.read_picture import BadFileError
from keras_explainer.files.read_picture import read_picture
from keras_explainer.loading.pictures import read_pictures
from keras_explainer.serving import decode_images
from keras_explainer.serving.picture_file import picture_file

pytestmark = pytest.mark.filterwarnings("error")


def png(width, height):
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT"
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c))
        for c in (chunk, data)
    )


def jpeg(width, height):
    frame = struct.pack(">BHHB", 8, height, width, 3)
    frame += bytes([1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0])
    scan = bytes([0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0])
    return b"\xff\xd8\xff\xc0\x00\x11" + frame + b"\xff\xda" + scan


def gif(width, height):
    frame = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0)
    return b"GIF89a" + struct.pack("<HH", width, height) + bytes(3) + frame + b"\2\0;"


def bmp(width, height):
    return b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, width, height, 1, 24,
                               0, 0, 0, 0, 0, 0)  # fmt: skip


def webp(width, height):
    canvas = struct.pack("<II", width - 1, height - 1)
    chunk = bytes(4) + canvas[:3] + canvas[4:7]
    content = b"WEBPVP8X" + struct.pack("<I", len(chunk)) + chunk
    return b"RIFF" + struct.pack("<I", len(content)) + content


def ppm(width, height):
    return f"P6 {width} {height} 255\n".encode()


HEADERS = {"png": png, "jpeg": jpeg, "gif": gif, "bmp": bmp, "ppm": ppm}
# Above our limit; where Pillow warns; where Pillow refuses.
SIZES = [(4097, 8192), (10_000, 10_000), (20_000, 20_000)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", HEADERS)
def test_more_pixels_than_a_server_takes(tmp_path, capsys, kind, size):
    path = tmp_path / f"large.{kind}"
    path.write_bytes(HEADERS[kind](*size))
    sentence = (
        "a picture should have at most 33554432 pixels. "
        f"Received: {size[0]} x {size[1]} pixels"
    )
    with pytest.raises(BadFileError) as raised:
        read_picture(path, upright=True)
    assert str(raised.value) == f"{path}: {sentence}"
    with pytest.raises(BadFileError, match="at most 33554432 pixels"):
        open_mask(path, size)
    for picture in (path, path.read_bytes()):
        with pytest.raises(ValueError, match="`picture` should be.*at most 33554432"):
            picture_file(picture)
    assert read_pictures([path]) == []
    assert capsys.readouterr().err == f"warning: skipped {path}: {sentence}\n"


@pytest.mark.parametrize("kind", HEADERS)
def test_as_many_as_a_server_takes(kind):
    """They go on to be decoded, and turn out to be empty."""
    with pytest.raises(BadFileError) as raised:
        read_picture(io.BytesIO(HEADERS[kind](4096, 8192)))
    assert "at most" not in str(raised.value)


def test_the_limit_of_the_server():
    assert decode_images.MAX_PIXELS == MAX_PIXELS == 33_554_432


def test_a_webp_that_claims_a_large_canvas():
    with pytest.raises(BadFileError):  # Pillow's decoder looks at it first.
        read_picture(io.BytesIO(webp(10_000, 10_000)))


@pytest.mark.parametrize("content", [b"", b"\x89", b"no picture at all", bytes(64)])
def test_what_is_no_picture(tmp_path, content):
    path = tmp_path / "notes.jpg"
    path.write_bytes(content)
    with pytest.raises(BadFileError) as raised:
        read_picture(path)
    assert str(raised.value) == f"{path}: cannot identify image file"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_cut_files(kind):
    levels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), "uint8")
    file = io.BytesIO()
    Image.fromarray(levels).save(file, kind)
    whole = file.getvalue()
    assert read_picture(io.BytesIO(whole)).size == (60, 40)
    for length in (1, 10, 30, len(whole) // 2):
        with pytest.raises(BadFileError):
            read_picture(io.BytesIO(whole[:length]))


def test_formats_that_say_why_they_are_not_read(monkeypatch):
    """Some of Pillow's answer with a sentence instead of yes or no."""
    monkeypatch.setitem(Image.OPEN, "PNG", (None, lambda start: "no decoder"))
    monkeypatch.setattr(Image, "ID", ["PNG"])
    monkeypatch.setattr(Image, "warnings", type("Quiet", (), {"warn": print}))
    with pytest.raises(BadFileError, match="cannot identify"):
        read_picture(io.BytesIO(png(4, 4)))


def test_paths_of_all_kinds(tmp_path):
    Image.new("RGB", (3, 2), "red").save(tmp_path / "red.png")
    for path in (tmp_path / "red.png", str(tmp_path / "red.png")):
        assert np.asarray(read_picture(path)).tolist() == [[[255, 0, 0]] * 3] * 2
    with pytest.raises(BadFileError, match="No such file"):
        read_picture(pathlib.Path("gone.png"))
