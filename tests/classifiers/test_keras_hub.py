"""Every image classifier of KerasHub, small, and built without a download.

`make test-hub` installs KerasHub and runs these.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import keras_explainer as kx
from keras_explainer.attribution import AttentionRollout
from keras_explainer.attribution import GradCAM
from keras_explainer.classifiers import FrozenClassifier

keras_hub = pytest.importorskip("keras_hub", reason="KerasHub is not installed")
models = keras_hub.models
pytestmark = pytest.mark.filterwarnings("ignore")

IMAGE = {"image_shape": (64, 64, 3)}
SMALL = {
    "image_shape": (32, 32, 3),
    "patch_size": 4,
    "num_layers": 3,
    "num_heads": 2,
    "hidden_dim": 16,
}


def task(name, backbone, **options):
    build = getattr(models, f"{name}ImageClassifier")
    options = {"num_classes": 3, "preprocessor": None, **options}
    return build(backbone=backbone, **options)


def softmax(name, backbone, **options):
    return task(name, backbone, activation="softmax", **options)


def csp_net():
    return models.CSPNetBackbone(
        stem_filters=8,
        stem_kernel_size=3,
        stem_strides=1,
        stackwise_depth=[1, 2],
        stackwise_strides=[1, 2],
        stackwise_num_filters=[16, 32],
        block_type="dark_block",
        stage_type="dark",
        **IMAGE,
    )


def dense_net():
    return models.DenseNetBackbone([1, 2], growth_rate=8, **IMAGE)


def efficient_net():
    return models.EfficientNetBackbone(
        stackwise_kernel_sizes=[3, 3],
        stackwise_num_repeats=[1, 2],
        stackwise_input_filters=[8, 16],
        stackwise_output_filters=[16, 24],
        stackwise_expansion_ratios=[1, 4],
        stackwise_squeeze_and_excite_ratios=[0.0, 0.25],
        stackwise_strides=[1, 2],
        stackwise_block_types=["fused", "unfused"],
        width_coefficient=1.0,
        depth_coefficient=1.0,
        input_shape=(64, 64, 3),
    )


def hg_net():
    return models.HGNetV2Backbone(
        depths=[1, 2],
        embedding_size=8,
        hidden_sizes=[16, 32],
        stem_channels=[3, 8, 8],
        hidden_act="relu",
        use_learnable_affine_block=False,
        stackwise_stage_filters=[(8, 8, 16, 1, 1, 3), (16, 8, 32, 2, 1, 3)],
        apply_downsample=[False, True],
        use_lightweight_conv_block=[False, False],
        **IMAGE,
    )


def mobile_net():
    return models.MobileNetBackbone(
        stackwise_expansion=[[8, 16], [16, 16]],
        stackwise_num_blocks=[2, 2],
        stackwise_num_filters=[[8, 8], [16, 16]],
        stackwise_kernel_size=[[3, 3], [5, 5]],
        stackwise_num_strides=[[2, 1], [2, 1]],
        stackwise_se_ratio=[[None, None], [0.25, 0.25]],
        stackwise_activation=[["relu", "relu"], ["hard_swish", "hard_swish"]],
        stackwise_padding=[[1, 1], [2, 2]],
        output_num_filters=32,
        input_activation="hard_swish",
        output_activation="hard_swish",
        input_num_filters=8,
        depthwise_filters=8,
        depthwise_stride=2,
        depthwise_residual=False,
        squeeze_and_excite=0.5,
        last_layer_filter=32,
        **IMAGE,
    )


def mobile_net_v5():
    """With a block of attention."""
    return models.MobileNetV5Backbone(
        stackwise_block_types=[["er"], ["uir", "mqa"]],
        stackwise_num_blocks=[1, 2],
        stackwise_num_filters=[[8], [16, 16]],
        stackwise_strides=[[2], [2, 1]],
        stackwise_act_layers=[["relu"], ["relu", "relu"]],
        stackwise_exp_ratios=[[4.0], [4.0, 1.0]],
        stackwise_se_ratios=[[0.0], [0.0, 0.0]],
        stackwise_dw_kernel_sizes=[[0], [3, 3]],
        stackwise_dw_start_kernel_sizes=[[0], [0, 0]],
        stackwise_dw_end_kernel_sizes=[[0], [0, 0]],
        stackwise_exp_kernel_sizes=[[3], [0, 0]],
        stackwise_pw_kernel_sizes=[[1], [0, 0]],
        stackwise_num_heads=[[0], [0, 2]],
        stackwise_key_dims=[[0], [0, 8]],
        stackwise_value_dims=[[0], [0, 8]],
        stackwise_kv_strides=[[0], [0, 1]],
        stackwise_use_cpe=[[False], [False, False]],
        use_msfa=False,
        **IMAGE,
    )


def res_net():
    return models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 64],
        stackwise_num_blocks=[1, 1],
        stackwise_num_strides=[1, 2],
        block_type="basic_block",
        **IMAGE,
    )


def vgg():
    return models.VGGBackbone([1, 1, 1], [8, 16, 16], **IMAGE)


def xception():
    return models.XceptionBackbone(
        [[8, 16], [32, 32], [32, 32]], [True, True, False], **IMAGE
    )


def vit():
    return models.ViTBackbone(**SMALL, mlp_dim=32)


def deit():
    return models.DeiTBackbone(**SMALL, intermediate_dim=32)


def swin():
    return models.SwinTransformerBackbone(
        image_shape=(32, 32, 3),
        patch_size=2,
        embed_dim=8,
        depths=(2, 2),
        num_heads=(2, 2),
        window_size=4,
    )


def mit():
    return models.MiTBackbone(
        num_layers=2,
        layerwise_depths=[1, 1],
        layerwise_num_heads=[1, 2],
        layerwise_sr_ratios=[2, 1],
        max_drop_path_rate=0.1,
        hidden_dims=[8, 16],
        layerwise_patch_sizes=[7, 3],
        layerwise_strides=[4, 2],
        **IMAGE,
    )


def answered(backbone, pooled):
    answer = layers.Dense(3, activation="softmax")(pooled(backbone.output))
    return keras.Model(backbone.inputs, answer)


def dino(build, registers):
    options = {"intermediate_dim": 32, "num_register_tokens": registers}
    return answered(build(**SMALL, **options), lambda tokens: tokens[:, 0])


def dino_inside():
    """A backbone called as one layer, and the mean of its tokens."""
    images = keras.Input((32, 32, 3))
    tokens = models.DINOV3Backbone(**SMALL, intermediate_dim=32)(images)
    mean = layers.GlobalAveragePooling1D()(tokens)
    return keras.Model(images, layers.Dense(3, activation="softmax")(mean))


TOKENS = [(8, 8, 16)] * 4
# Each with the maps that are read of it: coarse to fine, or of several depths.
KINDS = {
    "CSPNet": (
        lambda: softmax("CSPNet", csp_net()),
        [(30, 30, 32)],
    ),
    "DenseNet": (
        lambda: softmax("DenseNet", dense_net()),
        [(8, 8, 52), (16, 16, 36), (32, 32, 64)],
    ),
    "EfficientNet": (
        lambda: softmax("EfficientNet", efficient_net()),
        [(16, 16, 1280), (32, 32, 16)],
    ),
    "HGNetV2": (
        lambda: softmax("HGNetV2", hg_net()),
        [(8, 8, 32), (16, 16, 8)],
    ),
    "MobileNet": (
        lambda: task("MobileNet", mobile_net()),
        [(4, 4, 32), (8, 8, 8), (16, 16, 8), (32, 32, 8)],
    ),
    "MobileNetV5": (
        lambda: task("MobileNetV5", mobile_net_v5()),
        [(8, 8, 16), (16, 16, 8), (32, 32, 16)],
    ),
    "ResNet": (
        lambda: softmax("ResNet", res_net()),
        [(8, 8, 64), (16, 16, 64), (32, 32, 64)],
    ),
    "VGG": (
        lambda: softmax("VGG", vgg()),
        [(2, 2, 4096), (8, 8, 16), (16, 16, 16), (32, 32, 16)],
    ),
    "VGG, flatten": (
        lambda: softmax("VGG", vgg(), pooling="flatten"),
        [(8, 8, 16), (16, 16, 16), (32, 32, 16)],
    ),
    "Xception": (
        lambda: softmax("Xception", xception()),
        [(8, 8, 32), (15, 15, 16), (29, 29, 16)],
    ),
    "ViT, class token": (lambda: softmax("ViT", vit(), pooling="token"), TOKENS),
    "ViT, mean": (lambda: softmax("ViT", vit(), pooling="gap"), TOKENS),
    "DeiT": (lambda: softmax("DeiT", deit()), TOKENS),
    "DINOv2": (lambda: dino(models.DINOV2Backbone, 4), TOKENS),
    "DINOv3": (lambda: dino(models.DINOV3Backbone, 4), TOKENS),
    "DINOv3 inside": (dino_inside, TOKENS),
    "Swin": (
        lambda: softmax("SwinTransformer", swin()),
        [(8, 8, 16)] * 3 + [(16, 16, 8)],
    ),
    "MiT": (
        lambda: softmax("MiT", mit()),
        [(8, 8, 16), (16, 16, 8)],
    ),
}
every_kind = pytest.mark.parametrize("kind", KINDS)
WITH_ATTENTION = ("ViT", "DeiT", "DINO")
# Their answers are logits, so that one must say what they mean.
LINEAR = ("MobileNet", "MobileNetV5")


def built(kind):
    """A classifier with four images, and how to say what its answers mean."""
    build, shapes = KINDS[kind]
    classifier = build()
    shape = (4, *classifier.inputs[0].shape[1:])
    images = np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")
    options = {"multi_label": False} if kind in LINEAR else {}
    return classifier, images, options, shapes


def test_every_image_classifier_of_keras_hub_is_here():
    names = [
        name.removesuffix("ImageClassifier")
        for name in dir(models)
        if name.endswith("ImageClassifier")
    ]
    kinds = {kind.partition(",")[0] for kind in KINDS} | {"SwinTransformer"}
    assert {name for name in names if name} <= kinds


@every_kind
def test_classifiers_of_keras_hub_are_read(kind):
    classifier, images, options, shapes = built(kind)
    frozen = FrozenClassifier(classifier, **options, finest_stride=2)
    read = frozen(images)
    assert frozen.level_shapes == shapes and "evidence" in read
    found = read["logits"] if options else frozen.probabilities(read["logits"])
    np.testing.assert_allclose(found, classifier(images), atol=1e-5)
    maps = GradCAM(classifier, **options).explain(images, 0)
    assert maps.shape == images.shape[:3]
    if kind.startswith(WITH_ATTENTION):
        assert len(AttentionRollout(classifier).scores) == 3


@pytest.mark.slow
@every_kind
def test_explainers_learn_are_saved_and_exported(kind, tmp_path):
    classifier, images, options, _ = built(kind)
    explainer = kx.ExplainerModel(classifier, **options, preprocess_input="-1..1")
    explainer.fit(images, np.array([0, 1, 2, 0]), batch_size=4, verbose=0)
    explanation = explainer.explain(images, top_k=2)
    assert np.isfinite(explanation.masks).all() and explanation.masks.std() > 0
    explainer.save(tmp_path / "explainer.keras")
    loaded = keras.saving.load_model(tmp_path / "explainer.keras")
    found = loaded.explain(images, top_k=2).masks
    np.testing.assert_allclose(found, explanation.masks, atol=1e-5)
    size = images.shape[1:3]
    explainer.export(tmp_path / "served" / "1", top_k=2, mask_size=size)
    served = tf.saved_model.load(tmp_path / "served" / "1")
    pixels = tf.constant(127.5 * (images + 1.0))
    found = served.signatures["serving_default"](images=pixels)
    np.testing.assert_allclose(found["scores"], explanation.scores, atol=1e-4)
    np.testing.assert_allclose(found["masks"], explanation.masks, atol=1e-3)
