"""The client, of an export in this process: the answers of a server, without one."""

import shutil

import numpy as np
import pytest
from exported import NAMES
from exported import exported
from exported import file_of
from exported import photograph
from exported import preprocessed
from exported import raw_images
from exported import tiny_explainer
from PIL import Image

from keras_explainer.__main__ import main
from keras_explainer.serving import Client
from keras_explainer.serving import ServingError

pytestmark = pytest.mark.slow  # An export.


@pytest.fixture(scope="module")
def client():
    with Client(exported().parent) as client:
        yield client


def test_arrays(client):
    images = raw_images(3)  # More than one pass takes.
    found = client.explain(images, verify=True)
    expected = tiny_explainer().explain(preprocessed(images), verify=True)
    np.testing.assert_array_equal(found.classes, expected.classes)
    for name in ("scores", "probabilities", "kept_scores", "removed_scores"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(expected, name), atol=1e-5
        )
    masks = client.explain_class(images, 2)
    assert masks.shape == found.masks.shape[:3] and np.ptp(masks) > 0.05
    np.testing.assert_allclose(
        client.classify(images), expected.probabilities, atol=1e-5
    )
    assert set(client.class_names.values()) <= set(NAMES)


def test_pictures(client, tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(file_of(photograph(60, 90)))
    found = client.explain(path)
    assert found.masks.shape[:3] == (1, 60, 90) and found.names == ["photo.jpg"]
    assert NAMES[found.classes[0, 0]] in repr(found)
    found.show(tmp_path / "explained.png")
    with Image.open(tmp_path / "explained.png") as picture:
        assert picture.width > 400
    of_bytes = client.explain(path.read_bytes())
    np.testing.assert_array_equal(of_bytes.masks, found.masks)


def test_what_the_model_refuses(client):
    with pytest.raises(ValueError, match="images"):
        client.explain(raw_images(1, size=16))
    with pytest.raises(ValueError, match="targets"):
        client.explain_class(raw_images(1), 9)
    with pytest.raises(ServingError, match="INVALID_ARGUMENT"):
        client._predict("explain", {"images": raw_images(1)}, ())


def test_the_newest_version_is_taken(tmp_path):
    for version in ("9", "10"):
        shutil.copytree(exported(), tmp_path / "tiny" / version)
    (tmp_path / "tiny" / "10" / "saved_model.pb").write_bytes(b"broken")
    with pytest.raises(Exception, match="(?i)pars|proto|model"):
        Client(tmp_path / "tiny")
    assert Client(str(tmp_path / "tiny/9")).classify(raw_images(1)).shape == (1, 5)
    with pytest.raises(ValueError, match="or the folder of an export. Received"):
        Client(tmp_path)


def test_the_command_line_asks_an_export(tmp_path, capsys):
    (tmp_path / "photo.jpg").write_bytes(file_of(photograph(60, 90)))
    out = tmp_path / "out"
    argv = ["--server", str(exported().parent), "--out", str(out), "--verify"]
    assert main(["explain", str(tmp_path / "photo.jpg"), *argv]) == 0
    assert "Verified: " in capsys.readouterr().out
    assert (out / "photo_overlay.png").is_file()
