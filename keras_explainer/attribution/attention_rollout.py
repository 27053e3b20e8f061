"""Attention rollout: attention of all layers, multiplied."""

from keras import ops

from keras_explainer.attribution.token_attention import TokenAttention


class AttentionRollout(TokenAttention):
    """Explains a transformer by the attention of its layers, one after the other.

    The attention of a layer is the mean of its heads; half of what a token is stays
    itself, past the layer. The product of all layers tells how much of each patch has
    come to the tokens that the head reads. The map is the same for every class.

    Args:
        classifier: Keras classifier with attention among all of its tokens, functional
            or Sequential, as for `ExplainerModel`.
        multi_label: Boolean, or "auto". As in `ExplainerModel`.

    Raises:
        ValueError: If it has no such attention.

    Example:

    >>> maps = AttentionRollout(transformer).explain(images)
    >>> maps.shape
    (4, 64, 64)

    Reference:
        Abnar and Zuidema, "Quantifying Attention Flow in Transformers", ACL 2020.
    """

    differentiates_images = False
    empty_because = "all patches get the same attention"

    def flow(self, images, classes):
        graph, flow = self.frozen.graph, ops.eye(len(self.read))
        for scores in graph.run({graph.input: images}, self.scores):
            attention = ops.mean(ops.cast(scores, "float32"), axis=1)
            flow = ops.matmul((attention + ops.eye(len(self.read))) / 2.0, flow)
        return flow
