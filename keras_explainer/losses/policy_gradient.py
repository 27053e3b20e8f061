"""Gradients of an expected cost through masks that are drawn, not computed."""

from keras import ops

from keras_explainer import backend

_CELLS = (-2, -1)


def policy_gradient(logits, masks, costs, baseline="leave_one_out", slopes=None):
    """Computes a value whose gradient is that of the expected cost, on average.

    Masks M are drawn cell by cell with probability q = sigmoid(logits). The gradient
    of E[cost(M)] is the mean of (cost(M) - b) * gradient of log p(M), for any
    baseline b that does not depend on M (REINFORCE). Two things reduce its variance
    and leave its mean as it is:

    - the baseline: the mean cost of the image's other masks, or the cost of a fixed
      one, such as the greedy mask (q of at least a half);
    - slopes d of the cost at q: the part d * (M - q) of the cost need not be
      sampled, since its gradient is d * gradient of q.

    Args:
        logits: Tensor (N, h, w), one for each cell.
        masks: Tensor (K, N, h, w) of 0 and 1, K masks drawn for each image.
        costs: Tensor (K, N), one for each mask.
        baseline: "leave_one_out" (K of at least 2), None, or a pair of masks
            (N, h, w) and their costs (N,).
        slopes: Tensor (N, h, w), the derivative of the cost by the mask, or None.

    Returns:
        Tensor (N,). Only its gradient by `logits` means anything.

    Raises:
        ValueError: If there are no other masks to compare one with.

    Example:

    >>> logits, masks = np.zeros((1, 1, 1)), np.array([[[[1.0]]], [[[0.0]]]])
    >>> tuple(policy_gradient(logits, masks, costs=np.array([[1.0], [0.0]])).shape)
    (1,)

    Reference:
        Williams, "Simple statistical gradient-following algorithms for connectionist
        reinforcement learning", 1992; Rennie et al., "Self-critical sequence
        training", CVPR 2017 (greedy baseline); Kool et al., "Buy 4 REINFORCE samples,
        get a baseline for free!", 2019; Gu et al., "MuProp", ICLR 2016 (slopes).
    """
    logits, masks = ops.convert_to_tensor(logits), ops.stack(list(masks))
    chances = ops.stop_gradient(ops.sigmoid(logits))

    def sampled_part(masks, costs):
        if slopes is None:
            return costs
        return costs - ops.sum(slopes * (masks - chances), axis=_CELLS)

    rewards = sampled_part(masks, costs)
    count = rewards.shape[0]
    if baseline == "leave_one_out":
        if count < 2:
            raise ValueError(
                "Argument `masks` should hold at least 2 for each image, to leave one "
                f"out. Received: {count}"
            )
        rewards = (rewards - ops.mean(rewards, axis=0)) * (count / (count - 1))
    elif baseline is not None:
        rewards = rewards - sampled_part(*baseline)
    log_chances = -ops.sum(_bernoulli_loss(masks, logits), axis=_CELLS)
    value = ops.mean(ops.stop_gradient(rewards) * log_chances, axis=0)
    if slopes is not None:
        exact = ops.stop_gradient(slopes) * ops.sigmoid(logits)
        value = value + ops.sum(exact, axis=_CELLS)
    return value


def published_policy_loss(logits, masks, costs, saliency):
    """Computes the surrogate of the authors' code, its accidents included.

    Only the kept cells learn, in proportion to |0.2 - saliency|: those in salient
    places are pulled to 1 by 100 / J - 9, the others to 0 by J, where J is the mean
    cost of the whole batch, so that no image learns from its own. Its mean is not
    the gradient of the expected cost.

    Args:
        logits: Tensor (N, h, w), one for each cell.
        masks: Tensor (N, h, w) of 0 and 1, drawn.
        costs: Tensor (N,), one for each mask.
        saliency: Tensor (N, h, w) in [0, 1], the normalised input gradients.

    Returns:
        Tensor (N,). Only its gradient by `logits` means anything.

    Reference:
        Yuan et al., "Interpreting Image Classifiers by Generating Discrete Masks",
        IEEE TPAMI 2022.
    """
    salient = ops.cast(saliency >= 0.2, "float32")[..., None]
    near = ops.average_pool(salient, 3, strides=1, padding="same")[..., 0]
    wanted = ops.cast(near >= 0.5, "float32")
    cost = ops.maximum(backend.sum_of_all(backend.share_of_mean(costs)), 1e-6)
    pull = wanted * (100.0 / cost - 9.0) + (1.0 - wanted) * cost
    weights = ops.stop_gradient(pull * ops.abs(0.2 - saliency) * masks)
    return ops.mean(_bernoulli_loss(wanted, logits) * weights, axis=_CELLS)


def _bernoulli_loss(masks, logits):
    """Returns minus the logarithm of the chance of each cell's value."""
    return ops.softplus(logits) - masks * logits
