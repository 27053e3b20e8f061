"""Token classifiers of KerasHub, built without a download."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_explainer.attribution import AttentionRollout
from keras_explainer.attribution import GradCAM
from keras_explainer.classifiers import FrozenClassifier

keras_hub = pytest.importorskip("keras_hub", reason="KerasHub is not installed")
models = keras_hub.models

SIZES = {
    "image_shape": (32, 32, 3),
    "patch_size": 4,
    "num_layers": 3,
    "num_heads": 2,
    "hidden_dim": 16,
}


def vit(pooling):
    backbone = models.ViTBackbone(**SIZES, mlp_dim=32)
    return models.ViTImageClassifier(backbone, 3, pooling=pooling, activation="softmax")


def deit():
    backbone = models.DeiTBackbone(**SIZES, intermediate_dim=32)
    return models.DeiTImageClassifier(backbone, 3, activation="softmax")


def dinov2():
    backbone = models.DINOV2Backbone(
        **SIZES, intermediate_dim=32, num_register_tokens=4
    )
    answer = layers.Dense(3, activation="softmax")(backbone.output[:, 0])
    return keras.Model(backbone.input, answer)


def swin():
    backbone = models.SwinTransformerBackbone(
        image_shape=(32, 32, 3),
        patch_size=2,
        embed_dim=8,
        depths=(2, 2),
        num_heads=(2, 2),
        window_size=4,
    )
    return models.SwinTransformerImageClassifier(backbone, 3, activation="softmax")


def mit():
    backbone = models.MiTBackbone(
        image_shape=(64, 64, 3),
        num_layers=2,
        layerwise_depths=[1, 1],
        layerwise_num_heads=[1, 2],
        layerwise_sr_ratios=[2, 1],
        max_drop_path_rate=0.1,
        hidden_dims=[8, 16],
        layerwise_patch_sizes=[7, 3],
        layerwise_strides=[4, 2],
    )
    return models.MiTImageClassifier(backbone, 3, activation="softmax")


TOKENS = [(8, 8, 16)] * 4
KINDS = {
    "ViT, class token": (lambda: vit("token"), TOKENS),
    "ViT, mean": (lambda: vit("gap"), TOKENS),
    "DeiT": (deit, TOKENS),
    "DINOv2": (dinov2, TOKENS),
    "Swin": (swin, [(8, 8, 16)] * 3 + [(16, 16, 8)]),
    "MiT": (mit, [(8, 8, 16), (16, 16, 8)]),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_classifiers_of_keras_hub_are_read(kind):
    build, shapes = KINDS[kind]
    classifier = build()
    shape = (2, *classifier.input_shape[1:])
    images = np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")
    frozen = FrozenClassifier(classifier, finest_stride=2)
    read = frozen(images)
    assert frozen.level_shapes == shapes and "evidence" in read
    found = frozen.probabilities(read["logits"])
    np.testing.assert_allclose(found, classifier(images), atol=1e-5)
    assert GradCAM(classifier).explain(images, 0).shape == shape[:3]
    if kind not in ("Swin", "MiT"):
        assert len(AttentionRollout(classifier).scores) == 3
