"""Explanations from a model server."""

import io
import os
import pathlib
import re
import urllib.parse

import numpy as np
from PIL import Image

from keras_explainer.check_option import check_flag
from keras_explainer.check_option import check_option
from keras_explainer.explanations.explanation import Explanation
from keras_explainer.files.given_pictures import given_pictures
from keras_explainer.files.read_picture import read_picture
from keras_explainer.predicted_from import PREDICTED_FROM
from keras_explainer.serving.client_inputs import check_served
from keras_explainer.serving.client_inputs import checked_images
from keras_explainer.serving.client_inputs import checked_targets
from keras_explainer.serving.client_outputs import client_outputs
from keras_explainer.serving.picture_file import picture_file
from keras_explainer.serving.saved_model_route import SavedModelRoute
from keras_explainer.serving.serving_error import ServingError
from keras_explainer.serving.serving_error import no_relevance
from keras_explainer.serving.serving_error import no_signature

_MODEL = r"/v1/models/([^/:]+)(?:/versions/(\d{1,18})|/labels/([^/:]+))?/?"
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0  # seconds
# A server that is away, or has no thread or place in its queue left.
_PASSING = ("UNAVAILABLE", "RESOURCE_EXHAUSTED")
# What it says of a signature that it does not have, REST and gRPC.
_REFUSED = ("INVALID_ARGUMENT", "FAILED_PRECONDITION")
# Signatures that the first exports did not have.
_LATER_SIGNATURES = ("explain_and_verify", "explain_bytes_and_verify")


class Client:
    """Asks an exported explainer for explanations: on a model server, or right here.

    A request is repeated, after a growing wait, only if the server was away or had
    too much to do; it is never repeated if the server refused it or took too long.
    Arrays that the served model would not take are refused before they are sent:
    with batching on, they would fail the requests of others too. One thread may use
    a client at a time.

    Args:
        url: String. "http://HOST:8501/v1/models/NAME" for REST or
            "grpc://HOST:8500/v1/models/NAME" for gRPC (https and grpcs if
            encrypted), with "/versions/2" or "/labels/stable" behind it if not the
            newest version is meant. Or the folder of an export, such as
            "saved_models/pets" (its newest version) or "saved_models/pets/2": it is
            loaded in this process, with TensorFlow and nothing else.
        timeout: float. Seconds that a single request to a server may take.
        retries: int. How often a request to a server is repeated at most.

    Raises:
        ValueError: If `url` is none of these.
        ImportError: If the packages of the extra `serving` are missing, which requests
            to a server need.

    Example:

    ```python
    client = keras_explainer.serving.Client("http://localhost:8501/v1/models/pets")
    client = keras_explainer.serving.Client("saved_models/pets")  # without a server
    explanation = client.explain("photo.jpg")
    print(explanation)
    ```

    Reference:
        https://www.tensorflow.org/tfx/serving/api_rest
    """

    def __init__(self, url, *, timeout=30.0, retries=5):
        version = _version_folder(url)
        parts, model = (None, None) if version else _parsed(url)
        check_option("timeout", timeout, 0.001)
        check_option("retries", retries, 0, whole=True)
        self.url = url
        # Height, width and classes of the served model, once it was asked.
        self._limits = None
        # Names of classes by index, as far as answers have told them.
        self.class_names = {}
        if version:
            self._retrying = lambda ask, *arguments: ask(*arguments)
            self._route = SavedModelRoute(version)
            return
        try:
            self._retrying = _retrying(retries)
            self._route = _route(parts, model, timeout)
        except ImportError as error:
            raise ImportError(
                "`Client` needs the packages of the extra `serving`: "
                f"pip install 'keras_explainer[serving]'. Received: {error}"
            ) from error

    def explain(self, images, verify=False, relevance=False):
        """Explains a picture, or a batch of images, by its most probable classes.

        Args:
            images: Path of a picture that Pillow reads, or its bytes; or an array
                (N, H, W, 3), N from 1, of RGB images 0..255 at the classifier's size.
            verify: Boolean. Whether the server runs the classifier too on what each
                mask keeps and on what it leaves, as `explainer.explain` does: two
                passes for each mask.
            relevance: Boolean. Whether the server sends `relevance` too, as numbers,
                of an export that has it (`explainer.export(path, relevance=True)`).

        Returns:
            An `Explanation` of NumPy arrays. The masks of a picture are at its own
            size, N = 1, in steps of 1/255, and its relevance is enlarged to that;
            those of an array are at the size that was exported.

        Raises:
            ServingError: If the server cannot be reached or refuses the request, or
                serves an export of before there was `verify`, or without relevance.
            ValueError: If the picture cannot be read, the array is not such images,
                finite, at the served size, or a flag is no Boolean.
        """
        check_flag("verify", verify)
        check_flag("relevance", relevance)
        if isinstance(images, (str, bytes, os.PathLike)):
            signature = "explain_bytes_and_verify" if verify else "explain_bytes"
            file = np.array([picture_file(images)], object)
            answer = self._ask(signature, {"image_bytes": file}, relevance)
            masks = _read_masks(answer["masks_png_bytes"][0])[None]
        else:
            signature = "explain_and_verify" if verify else "serving_default"
            answer = self._ask(signature, {"images": checked_images(images)}, relevance)
            masks = answer["masks"]
        pictures, file_names = _shown(images)
        classes, scores = answer["classes"], answer["scores"]
        names = answer["class_names"]
        self.class_names.update(zip(classes.flat, names.flat))
        is_target = scores >= PREDICTED_FROM
        is_target[:, :1] = True
        target_masks = np.where(is_target[:, None, None], masks, np.float32(0))
        explanation = Explanation(
            masks,
            classes,
            scores,
            target_masks.max(axis=-1),
            answer["probabilities"],
            answer.get("kept_scores"),
            answer.get("removed_scores"),
            _enlarged(answer["relevance"], masks.shape[1:3]) if relevance else None,
        )
        return explanation.of(pictures, file_names, dict(self.class_names))

    def explain_class(self, images, targets):
        """Returns the masks (N, h, w) of one class per image.

        Args:
            images: Array (N, H, W, 3) of RGB images 0..255 at the classifier's size.
            targets: An int, or a list of ints, one per image.

        Raises:
            ServingError: If the server cannot be reached or refuses the request.
            ValueError: If an argument is none of these.
        """
        images = checked_images(images)
        targets = checked_targets(targets, len(images))
        return self._ask("explain_class", {"images": images, "targets": targets})[
            "masks"
        ]

    def classify(self, images):
        """Returns the probabilities (N, C) of images, without masks.

        Args:
            images: Array (N, H, W, 3) of RGB images 0..255 at the classifier's size.

        Raises:
            ServingError: If the server cannot be reached or refuses the request.
            ValueError: If the argument is not such an array.
        """
        answer = self._ask("classify", {"images": checked_images(images)})
        return answer["probabilities"]

    def close(self):
        """Closes the connection."""
        self._route.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def _ask(self, signature, inputs, relevance=False):
        if "images" in inputs:
            self._check_served(**inputs)
        outputs = client_outputs(signature, relevance)
        try:
            return self._predict(signature, inputs, outputs)
        except ServingError as error:
            is_new = relevance or signature in _LATER_SIGNATURES
            served = self._signatures() if is_new and error.code in _REFUSED else {}
            if served and signature not in served:
                raise no_signature(signature) from error
            told = served.get(signature, {}).get("outputs")
            if relevance and told and "relevance" not in told:
                raise no_relevance() from error
            raise

    def _predict(self, signature, inputs, outputs):
        return self._retrying(self._route.predict, signature, inputs, outputs)

    def _check_served(self, images, targets=()):
        if self._limits is not None:
            try:
                return check_served(self._limits, images, targets)
            except ValueError:
                pass  # A version that came meanwhile may take them.
        self._limits = _limits(self._signatures())
        check_served(self._limits, images, targets)

    def _signatures(self):
        try:
            return self._retrying(self._route.signatures)
        except ServingError as error:
            if error.code in (*_PASSING, "DEADLINE_EXCEEDED"):
                raise
            return {}  # What is wrong will be said of the request itself.


def _version_folder(path):
    """Returns the version folder that a path stands for, the newest one; or None."""
    if not isinstance(path, (str, os.PathLike)) or "://" in str(path):
        return None
    folder = pathlib.Path(path)
    versions = [folder]
    if folder.is_dir():
        numbered = [p for p in folder.iterdir() if p.name.isdecimal()]
        versions += sorted(numbered, key=lambda version: -int(version.name))
    found = (v for v in versions if (v / "saved_model.pb").is_file())
    return next(found, None)


def _parsed(url):
    """Returns the parts of an address, and the match of its path."""
    try:
        parts = urllib.parse.urlsplit(str(url))
        model = re.fullmatch(_MODEL, parts.path)
        known = parts.scheme in ("http", "https", "grpc", "grpcs")
        # To read the port is to check it.
        if model and known and parts.hostname and parts.port != 0:
            return parts, model
    except ValueError:
        pass
    raise ValueError(
        "Argument `url` should be http://HOST:PORT/v1/models/NAME or "
        "grpc://HOST:PORT/v1/models/NAME, or the folder of an export. "
        f"Received: {url}"
    )


def _limits(signatures):
    """Returns height, width and classes of the served model, None where not known."""
    try:
        classify = signatures["classify"]
        _, height, width, _ = _shape(classify["inputs"]["images"])
        _, classes = _shape(classify["outputs"]["probabilities"])
    # Not an export of ours, or a server that keeps its metadata to itself.
    except (KeyError, TypeError, ValueError):
        return None, None, None
    return tuple(side if side > 0 else None for side in (height, width, classes))


def _shape(info):
    return [int(dim["size"]) for dim in info["tensor_shape"]["dim"]]


def _route(parts, model, timeout):
    name, version, label = model.groups()
    if parts.scheme in ("http", "https"):
        from keras_explainer.serving.rest_route import RestRoute

        path = parts.path.rstrip("/")
        return RestRoute(f"{parts.scheme}://{parts.netloc}{path}", timeout)
    from keras_explainer.serving.grpc_route import GrpcRoute

    wanted = {"version": int(version)} if version else {}
    wanted = {"version_label": label} if label else wanted
    return GrpcRoute(parts.netloc, name, wanted, timeout, parts.scheme == "grpcs")


def _retrying(retries):
    import tenacity

    def passes(error):
        return isinstance(error, ServingError) and error.code in _PASSING

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(passes),
        stop=tenacity.stop_after_attempt(retries + 1),
        # At random, so that clients do not come back all at once.
        wait=tenacity.wait_random_exponential(_FIRST_WAIT, _LONGEST_WAIT),
        reraise=True,
    )


def _shown(images):
    """Returns what was asked about as pictures of 0..255, and their names or None."""
    if isinstance(images, bytes):
        return [read_picture(io.BytesIO(images), upright=True)], None
    if isinstance(images, (str, os.PathLike)):
        return given_pictures(images)
    return np.clip(np.rint(np.asarray(images)), 0, 255).astype("uint8"), None


def _read_masks(files):
    masks = [np.asarray(Image.open(io.BytesIO(file)), "float32") for file in files]
    return np.stack(masks, axis=-1) / np.float32(255)


def _enlarged(maps, size):
    """Returns maps (N, h, w, k) at a size (H, W), which those of arrays have."""
    if maps.shape[1:3] == size:
        return maps
    images = [Image.fromarray(each) for each in np.moveaxis(maps[0], -1, 0)]
    enlarged = [each.resize(size[::-1], Image.Resampling.BILINEAR) for each in images]
    return np.stack(enlarged, axis=-1)[None]
