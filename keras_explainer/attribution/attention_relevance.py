"""Attention relevance: attention that speaks for a class, layer by layer."""

import tensorflow as tf

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

    empty_because = "no attention speaks for the class"

    def flow(self, images, classes):
        graph, frozen = self.frozen.graph, self.frozen
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            *scores, logits = graph.run(
                {graph.input: images}, [*self.scores, frozen.logits_tensor]
            )
            score = tf.gather(frozen.head.logits(logits), classes, batch_dims=1)
        slopes = tape.gradient(score, scores, unconnected_gradients="zero")
        start = relevance = tf.eye(len(self.read))
        for attention, slope in zip(scores, slopes):
            positive = tf.nn.relu(tf.cast(attention * slope, "float32"))
            passed = tf.reduce_mean(positive, axis=1)
            relevance = relevance + tf.matmul(passed, relevance)
        return relevance - start
