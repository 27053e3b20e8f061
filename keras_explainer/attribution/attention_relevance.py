"""Attention relevance: attention that speaks for a class, layer by layer."""

import keras
from keras import ops

from keras_explainer import backend
from keras_explainer.attribution.base_method import of_class
from keras_explainer.attribution.token_attention import TokenAttention


class AttentionRelevance(TokenAttention):
    """Explains a transformer by attention, weighted by its gradient.

    The attention A of each layer counts where the logit y of the class grows with it:

        R <- R + mean over heads of (A * dy/dA)+ R

    from R = 1 at the patches on. The map is R of the tokens that the head reads, less
    what they were from the beginning.

    Args:
        classifier: Keras classifier with attention among all of its tokens, functional
            or Sequential, as for `ExplainerModel`.
        multi_label: Boolean, or "auto". As in `ExplainerModel`.

    Raises:
        ValueError: If it has no such attention.

    Example:

    >>> maps = AttentionRelevance(transformer).explain(images, targets=2)
    >>> maps.shape
    (4, 64, 64)

    Reference:
        Chefer et al., "Generic Attention-model Explainability for Interpreting
        Bi-Modal and Encoder-Decoder Transformers", ICCV 2021, for self-attention.
    """

    def __init__(self, classifier, multi_label="auto"):
        if not backend.HAS_SLOPES_INSIDE:
            raise ValueError(
                "The backend of Keras should be TensorFlow or PyTorch for "
                "AttentionRelevance, which differentiates by attention inside of "
                "layers; AttentionRollout runs on every one. Received: "
                f"{keras.backend.backend()}"
            )
        super().__init__(classifier, multi_label)

    empty_because = "no attention speaks for the class"

    def flow(self, images, classes):
        graph, frozen = self.frozen.graph, self.frozen

        def score(images):
            *scores, logits = graph.run(
                {graph.input: images}, [*self.scores, frozen.logits_tensor]
            )
            return of_class(frozen.head.logits(logits), classes), scores

        scores, slopes = backend.slopes_inside(score, images)
        start = relevance = ops.eye(len(self.read))
        for attention, slope in zip(scores, slopes):
            positive = ops.relu(ops.cast(attention * slope, "float32"))
            passed = ops.mean(positive, axis=1)
            relevance = relevance + ops.matmul(passed, relevance)
        return relevance - start
