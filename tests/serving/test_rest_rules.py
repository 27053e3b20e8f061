"""The REST rules as clients of their own meet them: rows, columns and base64."""

import base64
import json

import numpy as np
import pytest
import requests
from exported import exported
from exported import file_of
from exported import photograph
from exported import raw_images
from rest_server import RestServer
from served_model import ServedModel

pytestmark = pytest.mark.slow  # many traces, or a server


@pytest.fixture(scope="module")
def served():
    return ServedModel(exported(), "tiny")


@pytest.fixture(scope="module")
def address(served):
    with RestServer([served]) as server:
        yield f"{server.address}/v1/models/tiny"


def post(address, **body):
    return requests.post(f"{address}:predict", json=body, timeout=20)


FILES = [file_of(photograph()), file_of(photograph(40, 30), "PNG")]
BASE64 = [{"b64": base64.b64encode(content).decode()} for content in FILES]


def test_rows_and_columns_say_the_same(address, served):
    expected = served.run("explain_bytes", {"image_bytes": np.array(FILES, object)})
    rows = post(address, signature_name="explain_bytes", instances=BASE64).json()
    rows = rows["predictions"]
    named = [{"image_bytes": entry} for entry in BASE64]
    named = post(address, signature_name="explain_bytes", instances=named).json()
    assert named["predictions"] == rows
    columns = post(address, signature_name="explain_bytes", inputs=BASE64).json()
    for name, column in columns["outputs"].items():
        assert [row[name] for row in rows] == column
    np.testing.assert_allclose(
        columns["outputs"]["masks"], expected["masks"], atol=1e-6
    )
    # Files come as base64, names as text.
    file = base64.b64decode(rows[1]["masks_png_bytes"][2]["b64"])
    assert file == expected["masks_png_bytes"][1, 2] and file.startswith(b"\x89PNG")
    names = [[name.decode() for name in row] for row in expected["class_names"]]
    assert [row["class_names"] for row in rows] == names


def test_plain_images_and_several_inputs(address, served):
    images = raw_images()
    expected = served.run("classify", {"images": images})["probabilities"]
    answer = post(address, signature_name="classify", instances=images.tolist()).json()
    np.testing.assert_allclose(answer["predictions"], expected, atol=1e-6)
    rows = [{"images": i.tolist(), "targets": 2} for i in images]
    answer = post(address, signature_name="explain_class", instances=rows).json()
    inputs = {"images": images, "targets": np.int32([2, 2])}
    expected = served.run("explain_class", inputs)["masks"]
    np.testing.assert_allclose(answer["predictions"], expected, atol=1e-6)
    # Without a name the default signature answers.
    answer = post(address, instances=images.tolist()).json()["predictions"]
    assert set(answer[0]) == {"probabilities", "classes", "scores", "masks"} | {
        "class_names"
    }


@pytest.mark.parametrize(
    "body, message",
    [
        ({"instances": []}, "No values in 'instances' array"),
        ({"instances": "x"}, "to be an list/array"),
        ({}, "Missing 'inputs' or 'instances' key"),
        ({"inputs": [], "instances": []}, "only one of"),
        (
            {"signature_name": "explain_bytes", "instances": [{"b64": "%%"}]},
            "Unable to base64 decode",
        ),
        (
            {"signature_name": "explain_bytes", "instances": [{"file": "x"}]},
            "keys must be equal to: image_bytes",
        ),
        ({"instances": [["x"]]}, "is not of expected type: float"),
        ({"signature_name": "no", "instances": [1]}, "not found in signature def"),
        (
            {"signature_name": "explain_class", "instances": [[1.0]]},
            "multiple input tensors required",
        ),
    ],
)
def test_wrong_json_gets_an_error_in_json(address, body, message):
    response = post(address, **body)
    assert response.status_code == 400 and message in response.json()["error"]


def test_status_and_unknown_paths(address):
    status = requests.get(address, timeout=20).json()
    assert status["model_version_status"][0]["state"] == "AVAILABLE"
    assert requests.get(f"{address}s", timeout=20).status_code == 404
    response = requests.post(f"{address}:predict", data="{", timeout=20)
    assert response.status_code == 400 and "JSON Parse error" in response.text
    response = requests.post(f"{address}:explain", data="{}", timeout=20)
    assert (
        response.status_code == 404
        and "Malformed" in json.loads(response.text)["error"]
    )
