"""Every method side by side: all metrics, per image and per method."""

import pathlib
import time

import numpy as np

from keras_explainer.check_option import check_choice
from keras_explainer.evaluation.classifier_scores import classifier_scores
from keras_explainer.evaluation.classifier_scores import discrimination_scores
from keras_explainer.evaluation.classifier_scores import mean_of_pairs
from keras_explainer.evaluation.labelled_batches import labelled_batches
from keras_explainer.evaluation.mask_scores import mask_scores
from keras_explainer.evaluation.mask_sources import Batch
from keras_explainer.evaluation.mask_sources import is_empty
from keras_explainer.evaluation.method_result import MethodResult
from keras_explainer.evaluation.method_rows import METHOD_ROWS
from keras_explainer.evaluation.method_rows import check_methods
from keras_explainer.evaluation.protocol import PROTOCOLS
from keras_explainer.image_operations.background import Background
from keras_explainer.metrics import ClassDiscrimination
from keras_explainer.metrics import iou

# Images whose masks are kept for pictures.
GALLERY_IMAGES = 6
# Images whose mean colour is the background, if no better is known.
_BACKGROUND_IMAGES = 32
# A class-discrimination matrix has a column, and so a mask, for every class.
_MOST_CLASSES = 32


def evaluate_methods(
    explainer,
    dataset,
    methods=("explainer", "grad_cam", "zero", "random_area", "one", "ideal"),
    *,
    folder=None,
    protocol="default",
    slow_limit=None,
    discrimination_limit=32,
    step_share=0.02,
    seed=0,
    progress=None,
):
    """Measures methods on the same images, one method after the other.

    A method that fails is reported as failed, and the others go on. With a `folder`
    an interrupted call can be repeated, and goes on with the next image, also in
    batches of another size.

    An explainer gives outlines and an order of the pixels. Metrics of a region (IoU,
    accuracy, saliency, class discrimination ...) measure its `masks`, metrics of an
    order (AUC, pointing game, insertion, deletion, drop and increase of the
    confidence) its `relevance`. Other methods have one map for both; so has the
    explainer where `protocol` is "published".

    Args:
        explainer: A trained `ExplainerModel`; the other methods explain its
            classifier.
        dataset: Iterable of batches of images (N, H, W, channels), or tuples
            (images, labels) or (images, labels, truth), always in the same order,
            such as `kx.datasets.voc(root, "val", masks=True)`. Labels are the
            classes to explain, as in `fit`; without them the classifier's own
            predictions are. Images whose labels are all 0 are left out. truth
            (N, H, W) is 0 for background, i + 1 for class i and 255 for void.
        methods: List of names out of `METHOD_ROWS`. "zero", the empty mask, and
            "random_area", random blobs with the areas of the explainer's masks, tell
            what the others are worth: a mask that is no better explains nothing.
        folder: Path of a folder that keeps the values of each method, or None. It
            must belong to this very evaluation.
        protocol: "default", or "published" to do as the authors did.
        slow_limit: int, images for RISE, extremal perturbations and iGOS++ (the
            first ones). Defaults to None: all.
        discrimination_limit: int, images for the class-discrimination gap (the
            first ones), for which a mask of every class is computed; None: all.
            Defaults to 32.
            Extremal perturbations, iGOS++ and classifiers of more than 32 classes go
            without.
        step_share: float in (0, 1]. Share of the pixels per step of insertion and
            deletion. Defaults to 0.02.
        seed: int, not negative: of the methods and of random masks.
        progress: Function of (name of the method, images measured), or None.

    Returns:
        Dict of a `MethodResult` for each name in `methods`, in their order.

    Raises:
        ValueError: If an argument is not what it should be.

    Example:

    >>> results = evaluate_methods(explainer, held_out, ["explainer", "ideal"])
    >>> results["ideal"].summary("iou")["mean"]
    1.0
    """
    methods = list(methods)
    check_methods(methods)
    check_choice("protocol", protocol, PROTOCOLS)
    for name, limit in (
        ("slow_limit", slow_limit),
        ("discrimination_limit", discrimination_limit),
    ):
        if limit is not None and (not isinstance(limit, int) or limit < 0):
            raise ValueError(
                f"Argument `{name}` should be a whole number from 0, or None. "
                f"Received: {limit!r}"
            )
    explainer.check_order_of(dataset, "dataset")
    scorer = _Scorer(explainer, PROTOCOLS[protocol], step_share, seed)
    scorer.choose_background(dataset)
    results = {}
    for name in methods:
        path = folder and pathlib.Path(folder) / f"{name}.npz"
        result = MethodResult.load(name, path) if path else MethodResult(name)
        row = METHOD_ROWS[name]
        limit = slow_limit if row.is_slow else None
        measure = scorer.start(name, discrimination_limit)
        for batch in labelled_batches(explainer, dataset, limit, row.is_slow):
            # Batches may have been of another size before an interruption.
            batch = batch.since(result.images)
            if len(batch.images):
                try:
                    result.add(measure(batch))
                # Whatever goes wrong in a method is told in its row.
                except Exception as error:
                    result = MethodResult(name, failure=one_sentence(error))
                    break
                if path:
                    result.save(path)
            if progress:
                progress(name, result.images)
        results[name] = result
    if not any(result.images or result.failure for result in results.values()):
        raise ValueError(
            "Argument `dataset` should hold at least one image. Received: an empty set"
        )
    return results


class _Scorer:
    """Measures batches of images under one protocol."""

    def __init__(self, explainer, protocol, step_share, seed):
        self.explainer, self.protocol = explainer, protocol
        self.frozen = explainer.frozen
        self.step_share, self.seed = step_share, seed
        self.background = protocol.background
        self.discrimination = None

    def choose_background(self, dataset):
        """Decides on the background; an unknown mean colour is that of the images.

        It is of as many of them whatever the batches are, so that a resumed run has
        the same.
        """
        if self.background is not None:
            return
        self.background = self.explainer.background
        if self.background.to_measure:
            first = labelled_batches(self.explainer, dataset, _BACKGROUND_IMAGES)
            images = np.concatenate([batch.images for batch in first] or [[]])
            if len(images):
                self.background = Background("mean", images.shape[-1])
                self.background.measure(images)

    def start(self, name, discrimination_limit):
        """Returns the function from a batch to the values of one method."""
        row, source = METHOD_ROWS[name], None

        def measure(batch):
            nonlocal source
            if source is None:
                source = row.build(self.explainer, self.protocol, self.seed)
                image_indices, classes = np.nonzero(batch.labels)
                # The first call compiles, which is no property of the method.
                if len(image_indices) and not row.is_slow and row.kind == "method":
                    source.pair_masks(batch, image_indices, classes)
            compared = row.all_classes and self.frozen.num_classes <= _MOST_CLASSES
            count = len(batch.images) if compared else 0
            if discrimination_limit is not None:
                count = min(count, max(0, discrimination_limit - batch.first))
            return self._measure(source, batch, count)

        return measure

    def _measure(self, source, batch, compared):
        """Measures a batch; class discrimination of its first `compared` images."""
        count, size = len(batch.images), batch.images.shape[1:3]
        image_indices, classes = np.nonzero(batch.labels)
        start = time.perf_counter()
        masks = relevance = np.zeros((0, *size), "float32")
        all_class_masks = None
        if compared == count and source.shares_passes and source.passes > 1:
            # As many passes as for the classes that are there.
            all_class_masks = self._every_class(source, batch, count)
            masks = relevance = all_class_masks[image_indices, classes]
        elif len(image_indices):
            masks, relevance = source.pair_maps(batch, image_indices, classes)
        merged = source.merge(masks, image_indices, count)
        seconds = (time.perf_counter() - start) / count
        if self.protocol.masks_only:
            relevance = masks
        if not (np.isfinite(merged).all() and np.isfinite(relevance).all()):
            raise ValueError("The masks hold NaN or infinity")
        merged_relevance = source.merge(relevance, image_indices, count)
        pairs = np.bincount(image_indices, minlength=count)
        empty = is_empty(masks).astype("float32")
        shown = max(0, min(count, GALLERY_IMAGES - batch.first))
        return {
            "seconds": np.full(count, seconds),
            "passes": source.classifier_passes(pairs).astype("float32"),
            "empty": mean_of_pairs(empty, image_indices, count),
            **self._class_iou(batch, masks, image_indices, classes),
            **self._against_masks(batch, merged, merged_relevance),
            **classifier_scores(
                self.frozen,
                batch,
                merged,
                relevance,
                image_indices,
                classes,
                self.background,
                self.step_share,
                self.seed,
            ),
            **self._class_discrimination(source, batch, compared, all_class_masks),
            "gallery": np.rint(255 * merged[:shown]).astype("uint8"),
        }

    def _against_masks(self, batch, merged, merged_relevance):
        if batch.truth is None:
            return {}
        truth = self.protocol.object_masks(batch.truth, None)
        return mask_scores(
            truth, merged, self.protocol.soft_accuracy, relevance=merged_relevance
        )

    def _class_iou(self, batch, masks, image_indices, classes):
        if batch.truth is None:
            return {}
        truth = self.protocol.object_masks(batch.truth[image_indices], classes)
        values = np.asarray(iou(truth, masks))
        return {"class_iou": mean_of_pairs(values, image_indices, len(batch.images))}

    def _every_class(self, source, batch, count):
        """Returns the masks (count, C, H, W) of all classes."""
        shape = (count, self.frozen.num_classes)
        image_indices, classes = np.indices(shape).reshape(2, -1)
        masks = source.pair_masks(batch, image_indices, classes)
        return masks.reshape(*shape, *masks.shape[1:])

    def _class_discrimination(self, source, batch, compared, all_class_masks):
        count, num_classes = batch.labels.shape
        values = {
            "discrimination_matrix": np.full(
                (count, num_classes, num_classes), np.nan, "float32"
            ),
            **{key: np.full(count, np.nan, "float32") for key in _DISCRIMINATION},
        }
        if not compared:
            return values
        if all_class_masks is None:
            all_class_masks = self._every_class(source, batch, compared)
        part = Batch(batch.images[:compared], batch.labels[:compared], None, 0)
        if self.discrimination is None:
            self.discrimination = ClassDiscrimination(
                self.frozen, background=self.background
            )
        scores = discrimination_scores(
            self.discrimination, part, np.moveaxis(all_class_masks, 1, -1)
        )
        for key, array in scores.items():
            values[key][:compared] = array
        return values


_DISCRIMINATION = ("own_class", "other_classes", "class_discrimination_gap")


def one_sentence(error):
    """Returns what an error says, on one line."""
    text = " ".join(str(error).split()) or "no message"
    kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
    return kind + (text if len(text) <= 200 else f"{text[:197]}...")
