"""What methods that read attention share: which scores, and whose."""

import numpy as np
from keras import ops

from keras_explainer.attribution.base_method import AttributionMethod
from keras_explainer.classifiers.attention import attention_scores
from keras_explainer.classifiers.final_map import grid_of_map
from keras_explainer.classifiers.token_maps import read_by_head


class TokenAttention(AttributionMethod):
    """Base of the methods that follow attention back, with no layer to name.

    A method implements `flow`, which says how much of each token has come to each. Of
    the tokens that the head reads, which are those of patches or of a class, the mean
    is laid out as a map.

    Args:
        classifier: Keras classifier with attention among all of its tokens, functional
            or Sequential, as for `ExplainerModel`.
        multi_label: Boolean, or "auto". As in `ExplainerModel`.

    Raises:
        ValueError: If it has no such attention.
    """

    takes_functions = False

    def __init__(self, classifier, multi_label="auto"):
        super().__init__(classifier, multi_label)

    def prepare(self, frozen):
        super().prepare(frozen)
        graph = frozen.graph
        self.prefix, self.height, self.width = grid_of_map(graph, frozen.final_map)
        count = self.prefix + self.height * self.width
        self.read = np.float32(read_by_head(graph, count))
        self.scores = attention_scores(graph, count)
        self._mapped = self.compiled(self._laid_out)

    def flow(self, images, classes):
        """Computes how much of each token has come to each.

        Args:
            images: Tensor (P, H, W, channels).
            classes: int tensor (P,). The class to explain in each.

        Returns:
            float32 tensor (P, T, T), from tokens (last axis) to tokens.
        """
        raise TypeError(f"{type(self).__name__} should define `flow`.")

    def class_maps(self, images, classes):
        return self._mapped(images, classes)

    def _laid_out(self, images, classes):
        flow = self.flow(images, classes)
        reached = ops.einsum("t,pts->ps", self.read / self.read.sum(), flow)
        cells = reached[:, self.prefix :]
        return ops.reshape(cells, (-1, self.height, self.width))
