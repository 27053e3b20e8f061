"""Relevance: the order in which cells matter, beside the outline of a mask."""

from keras import ops

from keras_explainer.image_operations.resize import grid_of
from keras_explainer.image_operations.resize import resize_bilinear
from keras_explainer.image_operations.undecided_logits import undecided_logits

# What the classifier's evidence, of a root mean square of 1, weighs beside the mask.
_EVIDENCE_WEIGHT = 3.0
_NOTHING = 1e-6  # Evidence that small is none.
_LITTLE = 0.05  # Maps of less spread, of 1 at most, tell nothing apart.
# What differs by less, where a decided mask alone has 2, is not spread from 0 to 1.
_LEAST_RANGE = 1.0


def graded_selection(logits, cells):
    """Returns relevance (N, h, w, K), of masks of cells that all classes share.

    Args:
        logits: Tensor (N, h, w, K) of mask logits, decided.
        cells: Tensor (N, h, w), the logits by which cells were selected.
    """
    cells = cells - ops.mean(cells, axis=(1, 2), keepdims=True)
    return graded(logits, cells[..., None])


def graded(logits, evidence=None):
    """Returns relevance, of mask logits that are decided for the most.

    order = bounded mask logits + weight * evidence / its root mean square
    relevance = (order - its minimum) / its range

    A mask tells what belongs to a class from what does not, by logits far beyond
    those that a sigmoid could tell apart. Within bounds, half of which are those of 0
    and half those of what is undecided in the mask, they leave room for what the
    classifier finds in each cell: for the class or against it, in units of its root
    mean square over the cells of the image, whatever log-odds a classifier has.

    It weighs 3 where it tells the same cells apart as the mask does, and nothing where
    it does not: the cells of the last tokens of a transformer, which have heard of all
    the others, may all say the same. The weight is the correlation of both, and
    whole where one of them tells nothing apart.

    So each map runs from 0, the cell that speaks least for the class, to 1, as heat
    maps do, and is 0 where nothing is told apart.

    Args:
        logits: Tensor (N, h, w, K) of mask logits.
        evidence: Tensor (N, h', w', K or 1), what speaks for the classes in each cell,
            or against them where it is negative, such as the log-odds that the
            classifier gives them there; or None.

    Returns:
        Tensor (N, h, w, K) in [0, 1].
    """
    order = _ordered(logits, evidence)
    low, high = (f(order, axis=(1, 2), keepdims=True) for f in (ops.min, ops.max))
    return (order - low) / ops.maximum(high - low, _LEAST_RANGE)


def _ordered(logits, evidence):
    inside = ops.tanh(logits - undecided_logits(logits))
    bounded = (ops.tanh(logits) + inside) / 2.0
    if evidence is None:
        return bounded
    size = ops.sqrt(_mean(ops.square(evidence)))
    evidence = evidence / ops.maximum(size, _NOTHING)
    evidence = resize_bilinear(evidence, grid_of(logits))
    weight = _EVIDENCE_WEIGHT * _agreement(bounded, evidence)
    return bounded + weight * evidence


def _agreement(one, other):
    """Returns how far two maps (N, h, w, K) rise and fall together, from 0 to 1."""
    one, other = one - _mean(one), other - _mean(other)
    product = _mean(one * other) + _LITTLE
    spreads = _mean(ops.square(one)) * _mean(ops.square(other))
    return ops.clip(product / (ops.sqrt(spreads) + _LITTLE), 0.0, 1.0)


def _mean(maps):
    return ops.mean(maps, axis=(1, 2), keepdims=True)
