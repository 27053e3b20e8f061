"""The REST rules as clients of their own meet them: rows, columns and base64.

What is expected of the test server is what TensorFlow Serving's sources say, and what
was seen of a real one.
"""

import base64
import copy

import numpy as np
import pytest
import requests
from exported import file_of
from exported import photograph
from exported import raw_images
from exported import served
from rest_server import RestServer

pytestmark = pytest.mark.slow  # many traces, or a server


@pytest.fixture(scope="module")
def address():
    newer = copy.copy(served())
    newer.version = 2
    with RestServer([served(), newer], labels={"stable": 1, "gone": 9}) as server:
        yield f"{server.address}/v1/models/tiny"


def post(address, **body):
    return requests.post(f"{address}:predict", json=body, timeout=20)


def base64_of(content):
    return base64.b64encode(content).decode()


FILES = [file_of(photograph()), file_of(photograph(40, 30), "PNG")]
BASE64 = [{"b64": base64_of(content)} for content in FILES]
IMAGE = raw_images(1)[0].tolist()


def test_rows_and_columns_say_the_same(address):
    expected = served().run("explain_bytes", {"image_bytes": np.array(FILES, object)})
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


def test_plain_images_and_several_inputs(address):
    images = raw_images()
    expected = served().run("classify", {"images": images})["probabilities"]
    answer = post(address, signature_name="classify", instances=images.tolist()).json()
    np.testing.assert_allclose(answer["predictions"], expected, atol=1e-6)
    # Whole numbers are numbers, and further columns are not looked at.
    whole = images.astype(int).tolist()
    columns = {"images": whole, "other": "x"}
    answer = post(address, signature_name="classify", inputs=columns).json()
    np.testing.assert_allclose(answer["outputs"], expected, atol=1e-6)
    rows = [{"images": i.tolist(), "targets": 2} for i in images]
    answer = post(address, signature_name="explain_class", instances=rows).json()
    inputs = {"images": images, "targets": np.int32([2, 2])}
    expected = served().run("explain_class", inputs)["masks"]
    np.testing.assert_allclose(answer["predictions"], expected, atol=1e-6)
    # Without a name, or with none in it, the default signature answers.
    for name in ({}, {"signature_name": ""}):
        answer = post(address, instances=images.tolist(), **name).json()["predictions"]
        assert set(answer[0]) == {"probabilities", "classes", "scores", "masks"} | {
            "class_names"
        }


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\n".join(text[i : i + 76] for i in range(0, len(text), 76)),
        lambda text: text.rstrip("="),
        lambda text: f" {text}\t",
        lambda text: text.replace("=", "."),
    ],
    ids=["new lines", "no padding", "spaces", "dots"],
)
def test_base64_as_it_may_be_written(address, change):
    # A length that needs padding.
    content = FILES[1] + b"\0" * (-len(FILES[1]) % 3 + 1)
    text = base64_of(content)
    assert text.endswith("==")
    instances = [{"b64": change(text)}]
    response = post(address, signature_name="explain_bytes", instances=instances)
    assert response.status_code == 200


def explain_class(targets):
    inputs = {"images": [IMAGE], "targets": targets}
    return {"signature_name": "explain_class", "inputs": inputs}


def explain_bytes(**body):
    return {"signature_name": "explain_bytes", **body}


@pytest.mark.parametrize(
    "body, message",
    [
        ({"instances": []}, "No values in 'instances' array"),
        ({"instances": "x"}, "to be an list/array"),
        ({"instances": None}, "to be an list/array"),
        ({}, "Missing 'inputs' or 'instances' key"),
        ({"inputs": [], "instances": []}, "only one of 'inputs' or 'instances'"),
        # Names.
        ({"signature_name": None, "instances": []}, "key must be a string value"),
        ({"signature_name": 100, "instances": []}, "key must be a string value"),
        ({"signature_name": "no", "instances": [1]}, "not found in signature def"),
        (
            explain_bytes(instances=[{"file": "x"}]),
            "Failed to process element: 0 key: file of 'instances' list. Error: "
            "INVALID_ARGUMENT: JSON object: does not have named input: file",
        ),
        (explain_bytes(instances=[{}]), "must only have keys: image_bytes"),
        (
            explain_bytes(instances=[{"image_bytes": "x"}, "x"]),
            "Expecting object but got list at item 1 of input list",
        ),
        (
            explain_bytes(instances=["x", {"image_bytes": "x"}]),
            "Expecting value/list but got object at item 1 of input list",
        ),
        (explain_bytes(inputs={"file": "x"}), "Missing named input: image_bytes in"),
        (
            {"signature_name": "explain_class", "instances": [[1.0]]},
            "instances is a plain list, but expecting list of objects",
        ),
        (
            {"signature_name": "explain_class", "inputs": [1.0]},
            "inputs is a plain value/list, but expecting an object",
        ),
        # Base64.
        (explain_bytes(instances=[{"b64": "%%"}]), "Unable to base64 decode"),
        (explain_bytes(instances=[{"b64": "YWJ="}, {}]), "got object at item 1"),
        (explain_bytes(instances=[{"b64": "YWI=="}]), "Unable to base64 decode"),
        (explain_bytes(instances=[{"b64": "YWJj_-8="}]), "Unable to base64 decode"),
        (explain_bytes(instances=[{"b64": "YWJjY"}]), "Unable to base64 decode"),
        (explain_bytes(inputs=[{"b64": 5}]), "not formatted correctly for base64"),
        (explain_bytes(instances=[5]), "Number is not of expected type: string"),
        ({"instances": [{"b64": "YWI="}]}, "Object is not of expected type: float"),
        # Types.
        ({"instances": [["x"]]}, "Type: String is not of expected type: float"),
        ({"instances": [[True]]}, "Type: True is not of expected type: float"),
        ({"instances": [[None]]}, "Type: Null is not of expected type: float"),
        ({"inputs": [[2**24]]}, "16777216 to float without loss of precision"),
        ({"inputs": [[1e300]]}, "to float without loss of precision"),
        (explain_class([2**40]), "1099511627776 Type: Number is not of expected type"),
        (explain_class([1.0]), "1.0 Type: Number is not of expected type: int32"),
        (explain_class([True]), "is not of expected type: int32"),
        # Lists of lists.
        (
            {"inputs": [[1.0], [1.0, 2.0]]},
            "Encountered list at unexpected size: 2 at level: 1 expected size: 1",
        ),
        ({"inputs": [[1.0], 1.0]}, "found at incorrect level: 2 in the JSON DOM"),
        ({"inputs": [1.0, [1.0]]}, "Encountered list at unexpected level: 1"),
        (
            {"instances": [[1.0], [1.0, 2.0]]},
            "Failed to process element: 1 of 'instances' list. Error: "
            "INVALID_ARGUMENT: Expecting tensor size: 1 but got: 2",
        ),
        (
            {"instances": [[1.0, 2.0], [[1.0], [2.0]]]},
            "Expecting shape [2] but got: [2,1]",
        ),
        # What the graph says.
        ({"inputs": []}, "[0]"),
        (explain_class(1), "`targets` should have the shape (N,). Received: shape []"),
        (explain_class([[1]]), "should have the shape (N,). Received: shape [1 1]"),
        (explain_class([5]), "one class per image, from 0 to 4. Received: [5]"),
        (
            explain_bytes(inputs=BASE64[0]),
            "`image_bytes` should have the shape (N,). Received: shape []",
        ),
        (explain_bytes(instances=[BASE64]), "(N,). Received: shape [1 2]"),
        (explain_bytes(inputs=[]), "`image_bytes` should hold at least one file"),
    ],
)
def test_wrong_json_gets_an_error_in_json(address, body, message):
    response = post(address, **body)
    assert response.status_code == 400 and message in response.json()["error"]


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none_get_to_the_graph(address, literal):
    body = str({"inputs": [IMAGE]}).replace("'", '"')
    pixel = str(IMAGE[0][0][0])
    body = body.replace(pixel, literal, 1)
    response = requests.post(f"{address}:predict", data=body, timeout=20)
    assert response.status_code == 400
    assert "`images` should be finite" in response.json()["error"]


def test_of_a_key_that_is_there_twice_the_first_counts(address):
    text = base64_of(FILES[0])
    body = (
        '{"signature_name": "explain_bytes", "signature_name": "no", '
        f'"inputs": {{"image_bytes": [{{"b64": "{text}"}}], "image_bytes": [5]}}}}'
    )
    assert requests.post(f"{address}:predict", data=body, timeout=20).status_code == 200


# === Paths ===


def test_status_has_the_newest_version_first(address):
    status = requests.get(address, timeout=20).json()["model_version_status"]
    available = {"error_code": "OK", "error_message": ""}
    assert status == [
        {"version": "2", "state": "AVAILABLE", "status": available},
        {"version": "1", "state": "AVAILABLE", "status": available},
    ]
    one = requests.get(f"{address}/versions/1", timeout=20).json()
    assert one == {"model_version_status": status[1:]}
    # Of a label it is that of all.
    labelled = requests.get(f"{address}/labels/stable", timeout=20).json()
    assert labelled == {"model_version_status": status}


def test_metadata_have_the_signatures_and_no_status(address):
    metadata = requests.get(f"{address}/metadata", timeout=20).json()
    assert set(metadata) == {"model_spec", "metadata"}
    assert metadata["model_spec"] == {
        "name": "tiny",
        "signature_name": "",
        "version": "2",
    }
    signature = metadata["metadata"]["signature_def"]["signature_def"]["explain_class"]
    assert signature["method_name"] == "tensorflow/serving/predict"
    targets = signature["inputs"]["targets"]
    assert targets["dtype"] == "DT_INT32"
    assert targets["tensor_shape"] == {
        "dim": [{"size": "-1", "name": ""}],
        "unknown_rank": False,
    }


@pytest.mark.parametrize(
    "method, ending, status, message",
    [
        ("GET", "s", 404, "Could not find any versions of model tinys"),
        ("GET", "/versions/9", 404, "Could not find version 9 of model tiny"),
        ("GET", "s/metadata", 404, "Servable not found for request: Latest(tinys)"),
        ("GET", "/versions/9/metadata", 404, "for request: Specific(tiny, 9)"),
        ("GET", "/labels/no/metadata", 400, "Unrecognized servable version label: no"),
        ("GET", ":predict", 400, "Malformed request: GET /v1/models/tiny:predict"),
        ("GET", "/metadata/", 400, "Malformed request: GET"),
        ("GET", "/../tiny/version/1", 400, "Malformed request: GET"),
        ("POST", "", 400, "Malformed request: POST /v1/models/tiny"),
        ("POST", "/metadata", 400, "Malformed request: POST"),
        ("POST", ":explain", 400, "Malformed request: POST /v1/models/tiny:explain"),
        ("POST", "/versions/one:predict", 400, "Malformed request: POST"),
        ("POST", "/versions/1/labels/stable:predict", 400, "Malformed request: POST"),
        ("POST", f"/versions/{2**64 - 1}:predict", 400, "Failed to convert version: 1"),
        ("POST", "s:predict", 404, "Servable not found for request: Latest(tinys)"),
        ("POST", "/versions/9:predict", 404, "for request: Specific(tiny, 9)"),
        ("POST", "/labels/no:predict", 400, "Unrecognized servable version label: no"),
        ("POST", "/labels/gone:predict", 404, "for request: Specific(tiny, 9)"),
        ("PUT", ":predict", 400, "Malformed request: PUT /v1/models/tiny:predict"),
        ("DELETE", "", 400, "Malformed request: DELETE /v1/models/tiny"),
    ],
)
def test_other_paths(address, method, ending, status, message):
    response = requests.request(method, address + ending, json={}, timeout=20)
    assert response.status_code == status and message in response.json()["error"]


def test_paths_outside_of_models(address):
    root = address.removesuffix("/models/tiny")
    response = requests.get(f"{root}/models", timeout=20)
    assert response.status_code == 400
    assert response.json()["error"] == "Missing model name in request."
    # What is not under /v1/ never gets as far as the API.
    response = requests.get(f"{root.removesuffix('/v1')}/v2/models/tiny", timeout=20)
    assert response.status_code == 404 and "error" not in response.text
    # Only what stands for itself in a path may be in capitals.
    response = requests.get(f"{root.replace('/v1', '/V1')}/Models/tiny", timeout=20)
    assert response.status_code == 200


def test_what_is_read_first_is_refused_first(address):
    for body, message in [
        ("", "JSON Parse error: The document is empty"),
        ("{", "JSON Parse error"),
        ("[]", "Is not object"),
        ('{"signature_name": 1}', "key must be a string value"),
    ]:
        response = requests.post(f"{address}s:predict", data=body, timeout=20)
        assert response.status_code == 400 and message in response.json()["error"]


def test_versions_and_labels(address):
    for ending in ("/versions/1", "/versions/2", "/labels/stable"):
        response = post(address + ending, signature_name="classify", inputs=[IMAGE])
        assert response.status_code == 200
