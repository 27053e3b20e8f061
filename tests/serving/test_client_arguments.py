"""What the client refuses before anything is sent to a server."""

import numpy as np
import pytest
import tensorflow as tf
from exported import raw_images

from keras_explainer.serving import ServingError
from keras_explainer.serving.serving_error import no_server

pytest.importorskip("tenacity", reason="the extra `serving` is not installed")

from keras_explainer.serving import Client  # noqa: E402

IMAGES = raw_images()


def signatures(height=32, width=32, classes=5):
    def tensor(*sizes):
        return {"tensor_shape": {"dim": [{"size": str(size)} for size in sizes]}}

    return {
        "classify": {
            "inputs": {"images": tensor(-1, height, width, 3)},
            "outputs": {"probabilities": tensor(-1, classes)},
        }
    }


class Route:
    """Keeps what it is asked, and answers with nothing but shapes."""

    def __init__(self, *metadata):
        self.metadata = list(metadata)
        self.sent = []

    def signatures(self):
        found = self.metadata.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    def predict(self, signature, inputs, outputs):
        self.sent.append((signature, inputs))
        count = len(inputs["images"])
        return {
            "probabilities": np.ones((count, 5), "float32"),
            "classes": np.zeros((count, 1), "int32"),
            "scores": np.ones((count, 1), "float32"),
            "class_names": np.full((count, 1), "cat", object),
            "masks": np.ones((count, 4, 4, 1), "float32"),
        }


def client_of(*metadata):
    client = Client("http://127.0.0.1:1/v1/models/tiny", retries=1)
    client._route = Route(*(metadata or [signatures()]))
    return client


def assert_one_sentence(error, start):
    assert str(error).startswith(start) and "\n" not in str(error)


def with_one(value):
    images = IMAGES.copy()
    images[1, 2, 3, 0] = value
    return images


SHAPE = (
    "`images` should have the shape (N, H, W, 3), with one image or more. Received: "
)
NUMBERS = "`images` should be an array of numbers from 0 to 255. Received: dtype "
WRONG_IMAGES = {
    "none": (IMAGES[:0], SHAPE + "shape (0, 32, 32, 3)"),
    "empty list": ([], SHAPE + "shape (0,)"),
    "no height": (IMAGES[:, :0], SHAPE + "shape (2, 0, 32, 3)"),
    "one image": (IMAGES[0], SHAPE + "shape (32, 32, 3)"),
    "grey": (IMAGES[..., :1], SHAPE + "shape (2, 32, 32, 1)"),
    "grey, without channels": (IMAGES[..., 0], SHAPE + "shape (2, 32, 32)"),
    "RGBA": (IMAGES[..., [0, 1, 2, 2]], SHAPE + "shape (2, 32, 32, 4)"),
    "channels first": (IMAGES.transpose(0, 3, 1, 2), SHAPE + "shape (2, 3, 32, 32)"),
    "video": (IMAGES[None], SHAPE + "shape (1, 2, 32, 32, 3)"),
    "a number": (5, SHAPE + "shape ()"),
    "bool": (IMAGES > 9, NUMBERS + "bool"),
    "complex": (IMAGES.astype(complex), NUMBERS + "complex128"),
    "object": (IMAGES.astype(object), NUMBERS + "object"),
    "nothing": (None, NUMBERS + "object"),
    "paths": (["a.jpg", "b.jpg"], NUMBERS + "<U5"),
    "ragged": ([[1.0], [1.0, 2.0]], "`images` should be an array of numbers"),
    "NaN": (with_one(np.nan), "`images` should be finite. Received: NaN or infinity"),
    "infinity": (with_one(-np.inf), "`images` should be finite. Received: NaN or"),
    "too large for a float": (
        np.full(IMAGES.shape, 1e300),
        "`images` should be finite. Received",
    ),
}


@pytest.mark.parametrize("name", WRONG_IMAGES)
@pytest.mark.parametrize("method", ["explain", "explain_class", "classify"])
@pytest.mark.filterwarnings("error")
def test_images(method, name):
    images, message = WRONG_IMAGES[name]
    client = client_of()
    arguments = (0,) if method == "explain_class" else ()
    with pytest.raises(ValueError) as raised:
        getattr(client, method)(images, *arguments)
    assert_one_sentence(raised.value, f"Argument {message}")
    # Not even what the server serves was asked.
    assert not client._route.sent and len(client._route.metadata) == 1


SERVED = "`images` should have the served model's shape (N, 32, 32, 3)"
CLASS = "`targets` should be the index of a class, a whole number from 0, or a list of"


@pytest.mark.parametrize("method", ["explain", "explain_class", "classify"])
def test_images_of_another_size(method):
    client = client_of(signatures(), signatures())
    arguments = (0,) if method == "explain_class" else ()
    for images in (IMAGES[:, :16], IMAGES[:, :, :16]):
        with pytest.raises(ValueError) as raised:
            getattr(client, method)(images, *arguments)
        assert_one_sentence(raised.value, f"Argument {SERVED}")
        assert str(raised.value).endswith(f"Received: shape {images.shape}")
        client._route.metadata.append(signatures())
    assert not client._route.sent


@pytest.mark.parametrize(
    "targets, message",
    [
        ([0, 5], "`targets` should be classes of the served model, from 0 to 4."),
        (5, "`targets` should be classes of the served model, from 0 to 4."),
        (-1, CLASS),
        ([0, -1], CLASS),
        (2**31, CLASS),
        ([0, 2**40], CLASS),
        (2**70, CLASS),
        (-(2**31) - 1, CLASS),
        (1.0, CLASS),
        ([0.0, 1.0], CLASS),
        (np.nan, CLASS),
        (True, CLASS),
        ("cat", CLASS),
        (None, CLASS),
        ([], CLASS),
        ([1], CLASS),
        ([1, 2, 3], CLASS),
        ([[1, 2]], CLASS),
        ([[1], [2]], CLASS),
        ([[1], [2, 3]], "`targets` should be an array of numbers"),
    ],
)
def test_targets(targets, message):
    client = client_of()
    with pytest.raises(ValueError) as raised:
        client.explain_class(IMAGES, targets)
    assert_one_sentence(raised.value, f"Argument {message}")
    assert not client._route.sent


@pytest.mark.parametrize(
    "images",
    [
        IMAGES.astype("uint8"),
        IMAGES.astype("int64"),
        IMAGES.astype("float16"),
        IMAGES.astype("float64"),
        IMAGES.tolist(),
        tf.constant(IMAGES),
    ],
    ids=["uint8", "int64", "float16", "float64", "lists", "tensor"],
)
def test_arrays_are_sent_as_the_signature_has_them(images):
    client = client_of()
    client.explain(images)
    client.classify(images)
    client.explain_class(images, np.int64(4))
    client.explain_class(images, np.array([1, 4], "uint8"))
    sent = client._route.sent
    assert [signature for signature, _ in sent] == [
        "serving_default",
        "classify",
        "explain_class",
        "explain_class",
    ]
    for _, inputs in sent:
        assert inputs["images"].dtype == "float32"
        np.testing.assert_allclose(inputs["images"], np.asarray(images, "float32"))
    targets = [inputs["targets"] for _, inputs in sent[2:]]
    assert [t.tolist() for t in targets] == [[4, 4], [1, 4]]
    assert all(t.dtype == "int32" for t in targets)
    # What is served was asked once.
    assert not client._route.metadata


# === What is served ===


def test_a_version_that_came_meanwhile_may_take_others():
    client = client_of(signatures(), signatures(height=16, classes=7))
    client.classify(IMAGES)
    client.explain_class(IMAGES[:, :16], 6)
    assert len(client._route.sent) == 2
    # And is what the next images are held against.
    client._route.metadata.append(signatures(height=16, classes=7))
    with pytest.raises(ValueError, match=r"\(N, 16, 32, 3\)"):
        client.classify(IMAGES)


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"predict": {}},
        {"classify": {"inputs": {}, "outputs": {}}},
        {"classify": {"inputs": {"images": {"tensor_shape": {}}}, "outputs": {}}},
        signatures(-1, -1, -1),
        ServingError("Malformed request: GET", "INVALID_ARGUMENT"),
        ServingError("no such method", "UNIMPLEMENTED"),
        ServingError("Servable not found", "NOT_FOUND"),
    ],
)
def test_a_server_that_does_not_tell_is_asked_all_the_same(metadata):
    client = client_of(metadata)
    client.explain_class(IMAGES[:, :16], 10**6)
    client.classify(IMAGES)
    assert len(client._route.sent) == 2 and not client._route.metadata


def test_a_server_that_is_away_is_said_to_be(monkeypatch):
    monkeypatch.setattr("keras_explainer.serving.client._FIRST_WAIT", 0.001)
    client = client_of(*[no_server("http://host") for _ in range(3)])
    with pytest.raises(ServingError, match="No server answers at http://host"):
        client.classify(IMAGES)
    assert not client._route.sent and len(client._route.metadata) == 1


@pytest.mark.parametrize("images", [IMAGES, b"", "photo.jpg"])
def test_verify_is_yes_or_no(images):
    client = client_of()
    with pytest.raises(ValueError) as raised:
        client.explain(images, verify="all")
    assert str(raised.value) == (
        "Argument `verify` should be True or False. Received: 'all'"
    )
    assert not client._route.sent


# === Exports of before there was a signature ===


class Refusing(Route):
    """Serves an export of before there was a proof, or one that is wrong itself."""

    def predict(self, signature, inputs, outputs):
        self.sent.append((signature, inputs))
        raise ServingError("not found, or not to be run", "FAILED_PRECONDITION")


def test_an_export_without_the_proof_is_said_to_be_old():
    client = client_of()
    client._route = Refusing(signatures(), signatures())
    with pytest.raises(ServingError) as raised:
        client.explain(IMAGES, verify=True)
    assert str(raised.value) == (
        "The served model has no signature explain_and_verify, which verifies masks: "
        "export its explainer anew, by `explainer.export` or keras-explainer export"
    )
    assert raised.value.code == "INVALID_ARGUMENT" and not raised.value.answered
    assert len(client._route.sent) == 1 and not client._route.metadata


@pytest.mark.parametrize("metadata", [{}, {"explain_and_verify": {}}])
def test_what_else_a_server_refuses_is_told_in_its_words(metadata):
    client = client_of()
    client._route = Refusing(signatures(), {**metadata, **signatures()})
    client._route.metadata[1] = metadata
    with pytest.raises(ServingError, match="not found, or not to be run"):
        client.explain(IMAGES, verify=True)
    # Without the option nobody is asked for the signatures again.
    client._route.metadata = [{}]
    with pytest.raises(ServingError, match="not found, or not to be run"):
        client.explain(IMAGES)
    assert len(client._route.metadata) == 1


@pytest.mark.parametrize(
    "options", [{"timeout": 0}, {"timeout": None}, {"retries": -1}, {"retries": 0.5}]
)
def test_options(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"`{name}` should be a .*number from"):
        Client("http://127.0.0.1:1/v1/models/tiny", **options)
