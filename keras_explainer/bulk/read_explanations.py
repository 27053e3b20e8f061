"""Reading back what `keras-explainer explain-bulk` wrote."""

import pathlib
import typing

import numpy as np


class BulkExplanation(typing.NamedTuple):
    """The masks of one image, with the prediction they belong to.

    Args:
        path: String, the file of the image; of a record in a TFRecord file,
            "FILE:NUMBER", counted from 0.
        size: Tuple of the height and width of the image in its file, in pixels.
        masks: float32 (h, w, k) in [0, 1], at the size that was exported: in steps of
            1/255 from PNG, 0 or 1 from run lengths.
        classes: int32 (k,), the class of each mask, the most probable first.
        class_names: List of the k names.
        scores: float32 (k,), the classifier's probability of each class.
        probabilities: float32 (C,), the classifier's whole answer.
        kept_scores: float32 (k,), the probability of each class when the classifier
            sees only what its mask keeps; None unless the run had `--verify`.
        removed_scores: float32 (k,), the same when it sees only what the mask leaves.
    """

    path: str
    size: tuple
    masks: np.ndarray
    classes: np.ndarray
    class_names: list
    scores: np.ndarray
    probabilities: np.ndarray
    kept_scores: np.ndarray | None = None
    removed_scores: np.ndarray | None = None


def read_explanations(folder):
    """Reads the explanations that `keras-explainer explain-bulk` wrote.

    Args:
        folder: Path of the local folder that was its `--output`; may be read while
            the command runs, and then has the shards that are finished.

    Returns:
        Iterator of `BulkExplanation`, one for each explained image, shard by shard.

    Raises:
        FileNotFoundError: If the folder has no shard.

    Example:

    ```python
    for found in keras_explainer.bulk.read_explanations("explained"):
        print(found.path, found.class_names[0], found.masks[..., 0].mean())
    ```
    """
    shards = sorted(
        path
        for path in pathlib.Path(folder).glob("masks-*-of-*.*")
        if path.suffix in (".tfrecord", ".parquet")
    )
    if not shards:
        raise FileNotFoundError(
            "Argument `folder` should be the output of `keras-explainer explain-bulk`. "
            f"Received: {folder}, which has no masks-*.tfrecord or .parquet"
        )
    return _explanations(shards)


def _explanations(shards):
    from keras_explainer.bulk.mask_encoding import decode_mask
    from keras_explainer.bulk.shard_file import read_rows

    for shard in shards:
        for row in read_rows(shard):
            how = row["mask_format"], row["mask_height"], row["mask_width"]
            masks = [decode_mask(code, *how) for code in row["masks"]]
            yield BulkExplanation(
                row["path"],
                (row["height"], row["width"]),
                np.stack(masks, axis=-1),
                np.array(row["classes"], "int32"),
                row["class_names"],
                np.array(row["scores"], "float32"),
                np.array(row["probabilities"], "float32"),
                *(_proof(row.get(name)) for name in ("kept_scores", "removed_scores")),
            )


def _proof(scores):
    return None if scores is None else np.array(scores, "float32")
