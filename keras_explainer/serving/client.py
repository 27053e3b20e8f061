"""Explanations from a model server."""

import io
import re
import urllib.parse

import numpy as np
from PIL import Image

from keras_explainer.explainers.explanation import Explanation
from keras_explainer.explainers.targets import PREDICTED_FROM
from keras_explainer.serving.picture_file import picture_file
from keras_explainer.serving.serving_error import ServingError

_MODEL = r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?/?"
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0  # seconds


class Client:
    """Asks a model server for the explanations of an exported explainer.

    A request is repeated, after a growing wait, only if the server was unavailable;
    it is never repeated if the server refused it or took too long. One thread may
    use a client at a time.

    Args:
        url: String. "http://HOST:8501/v1/models/NAME" for REST or
            "grpc://HOST:8500/v1/models/NAME" for gRPC (https and grpcs if
            encrypted), with "/versions/2" or "/labels/stable" behind it if not the
            newest version is meant.
        timeout: float. Seconds that a single request may take.
        retries: int. How often a request is repeated at most.

    Raises:
        ValueError: If `url` is none of these.
        ImportError: If the packages of the extra `serving` are missing.

    Example:

    ```python
    client = keras_explainer.serving.Client("http://localhost:8501/v1/models/pets")
    explanation = client.explain("photo.jpg")
    print(client.class_names[explanation.classes[0, 0]])
    ```

    Reference:
        https://www.tensorflow.org/tfx/serving/api_rest
    """

    def __init__(self, url, *, timeout=30.0, retries=3):
        parts = urllib.parse.urlsplit(url)
        model = re.fullmatch(_MODEL, parts.path)
        known = parts.scheme in ("http", "https", "grpc", "grpcs")
        if model is None or not known or not parts.netloc:
            raise ValueError(
                "Argument `url` should be http://HOST:PORT/v1/models/NAME or "
                f"grpc://HOST:PORT/v1/models/NAME. Received: {url}"
            )
        self.url = url
        # Names of classes by index, as far as answers have told them.
        self.class_names = {}
        try:
            self._retrying = _retrying(retries)
            self._route = _route(parts, model, timeout)
        except ImportError as error:
            raise ImportError(
                "`Client` needs the packages of the extra `serving`: "
                f"pip install 'keras_explainer[serving]'. Received: {error}"
            ) from error

    def explain(self, images):
        """Explains a picture, or a batch of images, by its most probable classes.

        Args:
            images: Path of a picture that Pillow reads, or its bytes; or an array
                (N, H, W, 3) of RGB images 0..255 at the classifier's size.

        Returns:
            An `Explanation` of NumPy arrays. The masks of a picture are at its own
            size, N = 1, in steps of 1/255; those of an array are at the size that
            was exported. `target_mask` is the maximum over the predicted classes
            among those that were exported.

        Raises:
            ServingError: If the server cannot be reached or refuses the request.
            ValueError: If the picture cannot be read.
        """
        outputs = ["probabilities", "classes", "scores", "class_names"]
        if isinstance(images, np.ndarray):
            outputs = [*outputs, "masks"]
            answer = self._predict("serving_default", {"images": images}, outputs)
            masks = answer["masks"]
        else:
            outputs = [*outputs, "masks_png_bytes"]
            file = np.array([picture_file(images)], object)
            answer = self._predict("explain_bytes", {"image_bytes": file}, outputs)
            masks = _read_masks(answer["masks_png_bytes"][0])[None]
        classes, scores = answer["classes"], answer["scores"]
        names = answer["class_names"]
        self.class_names.update(zip(classes.flat, names.flat))
        is_target = scores >= PREDICTED_FROM
        is_target[:, :1] = True
        target_masks = np.where(is_target[:, None, None], masks, np.float32(0))
        return Explanation(
            masks, classes, scores, target_masks.max(axis=-1), answer["probabilities"]
        )

    def explain_class(self, images, targets):
        """Returns the masks (N, h, w) of one class per image.

        Args:
            images: Array (N, H, W, 3) of RGB images 0..255 at the classifier's size.
            targets: An int, or a list of ints, one per image.

        Raises:
            ServingError: If the server cannot be reached or refuses the request.
        """
        images = np.asarray(images)
        targets = np.broadcast_to(np.asarray(targets, "int32"), images.shape[:1])
        inputs = {"images": images, "targets": targets}
        return self._predict("explain_class", inputs, ["masks"])["masks"]

    def classify(self, images):
        """Returns the probabilities (N, C) of images, without masks.

        Args:
            images: Array (N, H, W, 3) of RGB images 0..255 at the classifier's size.

        Raises:
            ServingError: If the server cannot be reached or refuses the request.
        """
        inputs = {"images": np.asarray(images)}
        return self._predict("classify", inputs, ["probabilities"])["probabilities"]

    def close(self):
        """Closes the connection."""
        self._route.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def _predict(self, signature, inputs, outputs):
        if "images" in inputs:
            inputs["images"] = inputs["images"].astype("float32", copy=False)
        return self._retrying(self._route.predict, signature, inputs, outputs)


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

    def is_unavailable(error):
        return isinstance(error, ServingError) and error.code == "UNAVAILABLE"

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(is_unavailable),
        stop=tenacity.stop_after_attempt(retries + 1),
        # At random, so that clients do not come back all at once.
        wait=tenacity.wait_random_exponential(_FIRST_WAIT, _LONGEST_WAIT),
        reraise=True,
    )


def _read_masks(files):
    masks = [np.asarray(Image.open(io.BytesIO(file)), "float32") for file in files]
    return np.stack(masks, axis=-1) / np.float32(255)
