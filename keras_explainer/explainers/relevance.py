"""Relevance: the order in which cells matter, beside the outline of a mask."""

from keras import ops

from keras_explainer.image_operations.resize import grid_of
from keras_explainer.image_operations.resize import resize_bilinear

# What the classifier's evidence, of a root mean square of 1, weighs beside the mask.
_EVIDENCE_WEIGHT = 3.0
_NOTHING = 1e-6  # Evidence that small is none.


def graded_selection(logits, cells):
    """Returns the logits of relevance, of masks of cells that all classes share.

    Args:
        logits: Tensor (N, h, w, K) of mask logits, decided.
        cells: Tensor (N, h, w), the logits by which cells were selected.
    """
    cells = cells - ops.mean(cells, axis=(1, 2), keepdims=True)
    return graded_logits(logits, cells[..., None])


def graded_logits(logits, evidence=None):
    """Returns the logits of relevance, of mask logits that are decided for the most.

    relevance = sigmoid(tanh(mask logits) + weight * evidence / its root mean square)

    A mask tells what belongs to a class from what does not, by logits far beyond
    those that a sigmoid could tell apart. Within bounds they leave room for what the
    classifier finds in each cell: for the class or against it, in units of its root
    mean square over the cells of the image, whatever log-odds a classifier has.

    Args:
        logits: Tensor (N, h, w, K) of mask logits.
        evidence: Tensor (N, h', w', K or 1), what speaks for the classes in each cell,
            or against them where it is negative, such as the log-odds that the
            classifier gives them there; or None.

    Returns:
        Tensor (N, h, w, K).
    """
    bounded = ops.tanh(logits)
    if evidence is None:
        return bounded
    size = ops.sqrt(ops.mean(ops.square(evidence), axis=(1, 2), keepdims=True))
    evidence = evidence / ops.maximum(size, _NOTHING)
    return bounded + _EVIDENCE_WEIGHT * resize_bilinear(evidence, grid_of(logits))
