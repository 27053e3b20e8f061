"""A separate, trained backbone as the source of feature maps."""

import keras

from keras_explainer.classifiers.feature_levels import find_feature_levels
from keras_explainer.classifiers.final_map import find_final_map
from keras_explainer.classifiers.layer_graph import LayerGraph
from keras_explainer.constructor_arguments import constructor_arguments


@keras.saving.register_keras_serializable(package="keras_explainer")
class FeatureEncoder(keras.layers.Layer):
    """Reads the feature maps of a Keras backbone that is trained along.

    Args:
        backbone: Built functional or Sequential `keras.Model` on images, with or
            without a head, such as `keras.applications.ResNet50(include_top=False,
            input_shape=(224, 224, 3))`.
        finest_stride: int. The finest feature map to read, in pixels per cell.

    Call arguments:
        images: Tensor (N, H, W, channels).

    Returns:
        List of maps (N, h, w, channels), coarse to fine.
    """

    def __init__(self, backbone, finest_stride, **kwargs):
        super().__init__(**kwargs)
        self.backbone = backbone
        try:
            self.graph = LayerGraph(backbone)
            final_map = find_final_map(self.graph)
        except ValueError as error:
            problem = str(error).replace("Argument `classifier`", "Argument `encoder`")
            raise ValueError(problem) from None
        self.levels = find_feature_levels(self.graph, final_map, finest_stride)
        self.finest_stride = finest_stride
        self.built = True

    @property
    def metrics(self):
        # Of a compiled backbone: its "loss" would hide the explainer's.
        return []

    @property
    def trainable_variables(self):
        # A head that the maps do not pass through gets no gradient.
        calls = self.graph.calls_between({self.graph.input}, self.levels)
        variables = [
            v
            for call in calls
            for v in (
                *getattr(call.operation, "trainable_variables", ()),
                # Of an opened layer, such as its class token.
                *(x for x in keras.tree.flatten(call.arguments) if _is_trained(x)),
            )
        ]
        return list({id(v): v for v in variables}.values())

    trainable_weights = trainable_variables

    def call(self, images, training=False):
        return self.graph.run({self.graph.input: images}, self.levels, training)

    def compute_output_spec(self, images, training=False):
        return [
            keras.KerasTensor(self.graph.shape(level), dtype=self.compute_dtype)
            for level in self.levels
        ]

    def get_config(self):
        backbone = keras.saving.serialize_keras_object(self.backbone)
        config = {"backbone": backbone, "finest_stride": self.finest_stride}
        return {**super().get_config(), **config}

    @classmethod
    def from_config(cls, config):
        return cls(**constructor_arguments(config))


def _is_trained(argument):
    return isinstance(argument, keras.Variable) and argument.trainable
