"""The client, over REST and gRPC, and over whatever server TF_SERVING_URL names.

The real server should serve the folder that TF_SERVING_SAVED_MODEL names, a version
folder that `BaseExplainer.export` wrote; without them, the test servers are asked.
"""

import contextlib
import http.server
import io
import os
import pickle
import threading

import numpy as np
import pytest
import tensorflow as tf
from conftest import tiny_classifier
from exported import exported
from exported import file_of
from exported import photograph
from exported import preprocessed
from exported import raw_images
from exported import served as tiny_served
from exported import tiny_explainer
from PIL import Image
from served_model import ServedModel
from test_decode_images import BAD
from test_decode_images import SPECIAL

import keras_explainer as kx
from keras_explainer.serving import ServingError
from keras_explainer.serving.serving_error import no_server

pytest.importorskip("tenacity", reason="the extra `serving` is not installed")
grpc_server = pytest.importorskip(
    "grpc_server", reason="tensorflow-serving-api is not installed"
)

from rest_server import RestServer  # noqa: E402

from keras_explainer.serving import Client  # noqa: E402

pytestmark = pytest.mark.slow  # many traces, or a server

REAL = os.environ.get("TF_SERVING_URL")
SERVERS = ["real"] if REAL else ["rest", "grpc"]
own_server = pytest.mark.skipif(bool(REAL), reason="needs a server that can fail")


@pytest.fixture(scope="module")
def served():
    if REAL:
        return ServedModel(os.environ["TF_SERVING_SAVED_MODEL"], "tiny")
    return tiny_served()


@pytest.fixture(scope="module", params=SERVERS)
def address(request, served):
    if request.param == "real":
        yield REAL
        return
    labels = {"stable": served.version}
    with SERVER[request.param]([served], labels=labels) as server:
        yield f"{server.address}/v1/models/tiny"


SERVER = {"rest": RestServer, "grpc": grpc_server.GrpcServer}


@pytest.fixture
def client(address):
    with Client(address, timeout=20, retries=0) as client:
        yield client


def images_for(served, count=2):
    shape = served.definition("classify").inputs["images"].tensor_shape
    size = [count, *(dim.size for dim in shape.dim[1:])]
    return np.random.default_rng(0).integers(0, 256, size).astype("float32")


def test_images(client, served):
    images = images_for(served)
    explanation = client.explain(images)
    expected = served.run("serving_default", {"images": images})
    for name in ("masks", "classes", "scores", "probabilities"):
        values = getattr(explanation, name)
        assert values.dtype == expected[name].dtype
        np.testing.assert_allclose(values, expected[name], atol=1e-4)
    names = {
        int(index): name.decode()
        for index, name in zip(expected["classes"].flat, expected["class_names"].flat)
    }
    assert client.class_names == names
    np.testing.assert_allclose(
        client.classify(images.astype("uint8")), expected["probabilities"], atol=1e-4
    )
    masks = client.explain_class(images, explanation.classes[:, 1])
    np.testing.assert_allclose(masks, expected["masks"][..., 1], atol=1e-4)
    first = client.explain_class(images, 0)
    targets = np.zeros(2, "int32")
    expected = served.run("explain_class", {"images": images, "targets": targets})
    np.testing.assert_allclose(first, expected["masks"], atol=1e-4)


def test_masks_are_verified(client, served):
    images = images_for(served)
    explanation = client.explain(images, verify=True)
    assert client.explain(images).kept_scores is None
    expected = served.run("explain_and_verify", {"images": images})
    names = ["masks", "classes", "scores", "probabilities"]
    for name in (*names, "kept_scores", "removed_scores"):
        values = getattr(explanation, name)
        assert values.dtype == expected[name].dtype
        np.testing.assert_allclose(values, expected[name], atol=1e-4)
    if not REAL:  # What a real server serves is in a folder alone.
        local = tiny_explainer().explain(preprocessed(images), verify=True)
        np.testing.assert_allclose(
            explanation.kept_scores, local.kept_scores, atol=1e-5
        )
        np.testing.assert_allclose(
            explanation.removed_scores, local.removed_scores, atol=1e-5
        )
    assert " kept, " in explanation.verdict()


def test_masks_of_a_picture_are_verified(client, served):
    content = file_of(photograph(60, 90))
    explanation = client.explain(content, verify=True)
    files = {"image_bytes": np.array([content], object)}
    expected = served.run("explain_bytes_and_verify", files)
    for name in ("scores", "kept_scores", "removed_scores"):
        np.testing.assert_allclose(
            getattr(explanation, name), expected[name], atol=1e-4
        )
    np.testing.assert_allclose(
        explanation.masks, client.explain(content).masks, atol=1.01 / 255
    )
    assert explanation.masks.shape[:3] == (1, 60, 90)
    assert explanation.verdict().startswith("1 mask covers")


@pytest.mark.skipif(bool(REAL), reason="serves what the tests have changed")
@pytest.mark.parametrize("kind", ["rest", "grpc"])
def test_an_export_of_before_there_was_a_proof_is_said_to_be_one(kind):
    old = ServedModel(exported(), "tiny")
    for name in [name for name in old.signatures if name.endswith("_and_verify")]:
        del old.signatures[name]
    with SERVER[kind]([old]) as server:
        with Client(f"{server.address}/v1/models/tiny", retries=0) as client:
            for images, name in (
                (raw_images(), "explain_and_verify"),
                (file_of(photograph()), "explain_bytes_and_verify"),
            ):
                assert client.explain(images).removed_scores is None
                with pytest.raises(ServingError, match="anew") as raised:
                    client.explain(images, verify=True)
                assert str(raised.value).startswith(
                    f"The served model has no signature {name}, which verifies masks: "
                )


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The folder of an export that answers with relevance."""
    path = tmp_path_factory.mktemp("graded") / "1"
    return tiny_explainer().export(path, mask_size=32, relevance=True)


@own_server
@pytest.mark.parametrize("kind", ["rest", "grpc", "here"])
def test_relevance_is_handed_over(kind, graded):
    with contextlib.ExitStack() as stack:
        address = graded
        if kind != "here":
            server = SERVER[kind]([ServedModel(graded, "tiny")])
            address = f"{stack.enter_context(server).address}/v1/models/tiny"
        client = stack.enter_context(Client(address))
        images = raw_images()
        expected = tiny_explainer().explain(preprocessed(images), top_k=3)
        for verify in (False, True):
            found = client.explain(images, verify=verify, relevance=True)
            np.testing.assert_allclose(found.relevance, expected.relevance, atol=1e-4)
        assert client.explain(images).relevance is None
        content = file_of(photograph(60, 90))
        found = client.explain(content, relevance=True)
        assert found.relevance.shape == found.masks.shape == (1, 60, 90, 3)
        files = {"image_bytes": np.array([content], object)}
        sent = ServedModel(graded, "tiny").run("explain_bytes", files)["relevance"]
        enlarged = tf.image.resize(sent, (60, 90)).numpy()
        np.testing.assert_allclose(found.relevance, enlarged, atol=1e-3)


@own_server
@pytest.mark.parametrize("kind", ["rest", "grpc", "here"])
def test_an_export_without_relevance_is_said_to_be_one(kind):
    with contextlib.ExitStack() as stack:
        address = exported()
        if kind != "here":
            server = SERVER[kind]([ServedModel(address, "tiny")])
            address = f"{stack.enter_context(server).address}/v1/models/tiny"
        client = stack.enter_context(Client(address, retries=0))
        for images in (raw_images(), file_of(photograph())):
            with pytest.raises(ServingError, match="relevance=True") as raised:
                client.explain(images, relevance=True)
            assert not raised.value.answered
        with pytest.raises(ValueError, match="`relevance` should be True or False"):
            client.explain(raw_images(), relevance=1)


def test_target_mask_is_that_of_explain(monkeypatch):
    """Of several classes that a multi-label classifier predicts at once."""
    explainer = kx.ExplainerModel(tiny_classifier(classes=5, activation="sigmoid"))
    images = raw_images(6)
    expected = explainer.explain(images / 127.5 - 1, top_k=4)
    assert ((expected.scores >= 0.5).sum(axis=1) > 1).any()
    answer = {"class_names": np.full(expected.classes.shape, "a", object)}
    for name in ("probabilities", "classes", "scores", "masks"):
        answer[name] = getattr(expected, name)
    with Client("http://127.0.0.1:1/v1/models/tiny") as client:
        monkeypatch.setattr(client, "_ask", lambda *request: answer)
        explanation = client.explain(images)
    np.testing.assert_allclose(explanation.target_mask, expected.target_mask, atol=1e-4)


@pytest.mark.parametrize("as_bytes", [True, False])
def test_a_picture(client, served, tmp_path, as_bytes):
    content = file_of(photograph(60, 90))
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    explanation = client.explain(content if as_bytes else path)
    files = np.array([content], object)
    expected = served.run("explain_bytes", {"image_bytes": files})
    masks = [
        tf.io.decode_png(file)[..., 0].numpy()
        for file in expected["masks_png_bytes"][0]
    ]
    masks = np.stack(masks, -1)[None] / 255.0
    assert explanation.masks.shape[:3] == (1, 60, 90)
    np.testing.assert_allclose(explanation.masks, masks, atol=1e-4 + 1 / 255)
    np.testing.assert_allclose(explanation.scores, expected["scores"], atol=1e-4)
    assert explanation.classes.tolist() == expected["classes"].tolist()
    assert explanation.target_mask.shape == (1, 60, 90)


def test_a_turned_transparent_or_foreign_picture_is_made_plain(client):
    picture = photograph(60, 90)
    upright = client.explain(file_of(picture, "PNG"))
    as_webp = client.explain(file_of(picture, "WEBP", lossless=True))
    np.testing.assert_array_equal(as_webp.masks, upright.masks)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = picture.transpose(Image.Transpose.ROTATE_90)
    turned = client.explain(file_of(turned, "PNG", exif=exif))
    np.testing.assert_array_equal(turned.masks, upright.masks)
    clear = picture.copy()
    clear.putalpha(0)
    white = Image.new("RGB", picture.size, "white")
    np.testing.assert_array_equal(
        client.explain(file_of(clear, "PNG")).masks,
        client.explain(file_of(white, "PNG")).masks,
    )


# === What the server refuses ===


def ask_bytes(client, *files):
    inputs = {"image_bytes": np.array([*files, None], object)[:-1]}
    outputs = ["classes", "masks_png_bytes"]
    return client._predict("explain_bytes", inputs, outputs)


@pytest.mark.parametrize("name", BAD)
def test_bad_files(client, name):
    content, message = BAD[name]
    good = file_of(photograph())
    for files in ([content], [good, content, good]):
        with pytest.raises(ServingError) as raised:
            ask_bytes(client, *files)
        assert raised.value.code == "INVALID_ARGUMENT"
        expected = message if len(files) == 1 else message.replace("image 0", "image 1")
        assert expected in raised.value.message
    assert ask_bytes(client, good)["classes"].shape[0] == 1


@pytest.mark.parametrize("name", SPECIAL)
def test_special_files(client, name):
    answer = ask_bytes(client, SPECIAL[name])
    with Image.open(io.BytesIO(SPECIAL[name])) as image:
        size = image.size
    mask = tf.io.decode_png(answer["masks_png_bytes"][0, 0])
    assert mask.shape == (*size[::-1], 1)


def test_wrong_requests(client, served):
    images = images_for(served)
    wrong = [
        ("serving_default", {"images": images[:, :16]}, "masks", r"\[2,16,"),
        ("serving_default", {"images": images[0]}, "masks", "hape"),
        ("serving_default", {"pictures": images}, "masks", "images|signature"),
        ("explain_class", {"images": images}, "masks", "targets"),
        (
            "explain_class",
            {"images": images, "targets": np.int32([0, 10**6])},
            "masks",
            "one class per image, from 0 to",
        ),
        ("explain_all", {"images": images}, "masks", "explain_all"),
    ]
    if not REAL:  # With batching on, nothing empty is answered.
        files = {"image_bytes": np.zeros(0, object)}
        wrong += [
            ("serving_default", {"images": images[:0]}, "masks", "at least one|hape"),
            ("explain_bytes", files, "masks", "at least one"),
        ]
    for signature, inputs, output, message in wrong:
        with pytest.raises(ServingError, match=message) as raised:
            client._predict(signature, inputs, [output])
        assert raised.value.code in ("INVALID_ARGUMENT", "FAILED_PRECONDITION")
        assert len(client.classify(images)) == 2


def test_unknown_models_and_versions(address):
    for other in (f"{address}x", f"{address}/versions/999999"):
        with Client(other, timeout=20, retries=0) as client:
            with pytest.raises(ServingError, match="not found|Unsuccessful") as raised:
                client.explain(file_of(photograph()))
            assert raised.value.code == "NOT_FOUND"


def test_pictures_that_pillow_does_not_read(client, tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(
        ValueError, match="`picture` should be .* Received: .*notes.txt"
    ):
        client.explain(tmp_path / "notes.txt")
    with pytest.raises(ValueError, match="Received: 0 bytes"):
        client.explain(b"")
    with pytest.raises(FileNotFoundError):
        client.explain(tmp_path / "gone.jpg")


# === Servers that fail ===


@own_server
@pytest.mark.parametrize(
    "passing", [tf.errors.UnavailableError, tf.errors.ResourceExhaustedError]
)
def test_a_server_that_is_away_or_busy_is_asked_again(
    address, served, monkeypatch, passing
):
    monkeypatch.setattr("keras_explainer.serving.client._FIRST_WAIT", 0.001)
    images = images_for(served)

    def fault():
        return passing(None, None, "the queue is full")

    with Client(address, timeout=20, retries=2) as client:
        served.faults[:] = [fault(), fault()]
        assert len(client.classify(images)) == 2 and not served.faults
        served.faults[:] = [fault() for _ in range(4)]
        with pytest.raises(ServingError, match="the queue is full") as raised:
            client.classify(images)
        assert len(served.faults) == 1
        assert raised.value.message == "the queue is full" and raised.value.answered
        served.faults.clear()
        assert len(client.classify(images)) == 2


@own_server
@pytest.mark.parametrize(
    "final",
    [
        tf.errors.InvalidArgumentError,
        tf.errors.FailedPreconditionError,
        tf.errors.NotFoundError,
        tf.errors.DeadlineExceededError,
        tf.errors.InternalError,
        tf.errors.PermissionDeniedError,
    ],
)
def test_what_will_not_pass_is_not_asked_again(address, served, final):
    with Client(address, timeout=20) as client:
        served.faults[:] = [final(None, None, "as the graph has it"), None]
        with pytest.raises(ServingError, match="as the graph has it"):
            client.classify(images_for(served))
        assert served.faults == [None]
        served.faults.clear()


@own_server
@pytest.mark.parametrize("scheme", ["http", "grpc"])
@pytest.mark.parametrize("host", ["127.0.0.1:1", "nowhere.invalid:8500"])
def test_nobody_answers(scheme, host, monkeypatch):
    monkeypatch.setattr("keras_explainer.serving.client._FIRST_WAIT", 0.001)
    url = f"{scheme}://{host}/v1/models/tiny"
    with Client(url, retries=1) as client:
        for ask in (
            lambda: client.classify(np.zeros((1, 32, 32, 3))),
            lambda: client.explain(file_of(photograph())),
        ):
            with pytest.raises(ServingError) as raised:
                ask()
            assert raised.value.code == "UNAVAILABLE"
            assert str(raised.value) == f"No server answers at {url}"


@own_server
@pytest.mark.parametrize("kind", ["rest", "grpc"])
def test_time_runs_out(kind, served):
    with SERVER[kind]([served], delay=1.0) as server:
        url = f"{server.address}/v1/models/tiny"
        with Client(url, timeout=0.2) as client:
            with pytest.raises(ServingError) as raised:
                client.classify(images_for(served))
    assert raised.value.code == "DEADLINE_EXCEEDED"
    assert str(raised.value) == f"No answer within 0.2 seconds from {url}"


class Other(http.server.BaseHTTPRequestHandler):
    """Something that is no model server, and a proxy whose server is away."""

    asked = []

    def log_message(self, *args):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append(self.path)
        self.send_response(502 if "away" in self.path else 200)
        self.end_headers()
        self.wfile.write(b"<h1>Welcome</h1>")


def test_something_else_answers(monkeypatch):
    monkeypatch.setattr("keras_explainer.serving.client._FIRST_WAIT", 0.001)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        root = f"http://127.0.0.1:{server.server_port}/v1/models"
        picture = file_of(photograph())
        with Client(f"{root}/tiny") as client, pytest.raises(ServingError) as raised:
            client.explain(picture)
        assert str(raised.value) == (
            f"No model server answers at {root}/tiny, but something else"
        )
        with Client(f"{root}/away", retries=2) as client:
            with pytest.raises(ServingError, match="UNAVAILABLE: <h1>Welcome"):
                client.explain(picture)
        server.shutdown()
    assert [path.split("/")[-1] for path in Other.asked] == (
        ["tiny:predict"] + 3 * ["away:predict"]
    )


def test_the_sentence_of_an_assertion_is_taken_out(client, served):
    images = images_for(served)
    wrong = {"images": images, "targets": np.int32([0, 10**6])}
    with pytest.raises(ServingError) as raised:
        client._predict("explain_class", wrong, ["masks"])
    message = raised.value.message
    assert message.startswith("Input `targets` should hold one class per image, from 0")
    assert message.endswith("Received: [0 1000000] for 2 images")


def test_outputs_that_a_signature_does_not_have(client, served):
    images = {"images": images_for(served)}
    for signature, known in ("classify", "probabilities"), ("serving_default", "masks"):
        with pytest.raises(ServingError, match="output") as raised:
            client._predict(signature, images, [known, "boxes"])
        assert raised.value.code == "INVALID_ARGUMENT"
        assert "boxes" in raised.value.message


# === Arguments ===


@pytest.mark.parametrize(
    "url",
    ["localhost:8501", "http://localhost:8501", "ftp://host/v1/models/pets"]
    + ["http:///v1/models/pets", "http://host:1/v1/models/pets:predict", "photo.jpg"]
    + ["http://host:x/v1/models/pets", "http://host:99999/v1/models/pets", None, ""]
    + ["http://[::1/v1/models/pets", "grpc://:8500/v1/models/pets", 8501]
    + [f"grpc://host:1/v1/models/pets/versions/{2**64}"],
)
def test_wrong_urls(url):
    with pytest.raises(ValueError, match="`url` should be http://HOST:PORT/v1/models/"):
        Client(url)


def test_versions_and_labels(address, served, monkeypatch):
    version = f"{address}/versions/{served.version}"
    if not REAL:
        for url in (version, f"{address}/labels/stable"):
            with Client(url) as client:
                assert client.classify(images_for(served)).shape[0] == 2
        with Client(f"{address}/labels/no") as client:
            with pytest.raises(ServingError, match="version label: no") as raised:
                client.classify(images_for(served))
            assert raised.value.code == "INVALID_ARGUMENT"
    from keras_explainer.serving.grpc_route import GrpcRoute

    found = []
    monkeypatch.setattr(GrpcRoute, "__init__", lambda self, *a: found.append(a))
    Client("grpcs://host:1/v1/models/pets/labels/stable")
    Client("grpc://host:1/v1/models/pets/versions/7", timeout=3)
    assert found == [
        ("host:1", "pets", {"version_label": "stable"}, 30.0, True),
        ("host:1", "pets", {"version": 7}, 3, False),
    ]


def test_errors_survive_process_pools():
    error = pickle.loads(pickle.dumps(ServingError("the queue is full", "UNAVAILABLE")))
    assert error.code == "UNAVAILABLE" and error.message == "the queue is full"
    assert str(error) == "The model server answered UNAVAILABLE: the queue is full"
    error = pickle.loads(pickle.dumps(no_server("http://host/v1/models/pets")))
    assert str(error) == "No server answers at http://host/v1/models/pets"
    assert error.code == "UNAVAILABLE" and not error.answered
