"""The quality of masks in `history`, equal to the metrics by hand."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
import trained
from conftest import random_images
from conftest import tiny_classifier

import keras_explainer as kx
from keras_explainer import metrics
from keras_explainer.callbacks import MaskQuality

IMAGES = random_images(5, size=8)
LABELS = np.array([0, 2, 1, 1, 0])
MASKS = np.random.default_rng(1).integers(0, 3, (5, 8, 8)).astype("uint8")
MASKS[:, 0] = 255


class Stub:
    """Stands for an explainer: the mask of class c is channel c of the image."""

    frozen = SimpleNamespace(num_classes=3)
    mask_metrics = []

    def explain(self, images, targets=None, batch_size=None):
        images = np.asarray(images)
        targets = np.eye(3)[:1] if targets is None else targets
        return SimpleNamespace(target_mask=(images * targets[:, None, None]).max(-1))


def by_hand(metric=metrics.iou, masks=MASKS):
    # The stub has 0 where no target has more.
    chosen = IMAGES[np.arange(5), :, :, LABELS].clip(0)
    return float(np.nanmean(metric(masks, chosen)))


class Pictures(keras.utils.PyDataset):
    def __init__(self, pack, *arrays):
        super().__init__()
        self.pack = pack
        self.arrays = arrays or (IMAGES, LABELS, MASKS)

    @property
    def num_batches(self):
        return -(-len(self.arrays[0]) // 2)

    def __getitem__(self, index):
        return self.pack(*(part[2 * index : 2 * index + 2] for part in self.arrays))


class Loader:
    def __init__(self, pack):
        self.dataset = Pictures(pack)

    def __iter__(self):
        return map(self.dataset.__getitem__, range(3))


def as_tuple(*parts):
    return parts


def as_dict(images, labels, masks):
    return {"image": images, "label": labels, "mask": masks}


PACKS = {"tuples": as_tuple, "dicts": as_dict}
FORMS = {
    "arrays": lambda pack: pack(IMAGES, LABELS, MASKS),
    "one channel": lambda pack: pack(IMAGES, LABELS, MASKS[..., None]),
    "rows": lambda pack: pack(IMAGES, np.eye(3)[LABELS], MASKS),
    "tensors": lambda pack: pack(*map(tf.constant, (IMAGES, LABELS, MASKS))),
    "dataset": lambda pack: tf.data.Dataset.from_tensor_slices(
        pack(IMAGES, LABELS, MASKS)
    ).batch(2),
    "PyDataset": Pictures,
    "loader": Loader,
}


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_data_has_the_iou_by_hand(form, pack):
    values = MaskQuality(FORMS[form](PACKS[pack])).measure(Stub())
    assert values == {"iou": pytest.approx(by_hand())}


def test_metrics_asked_for_and_sizes_of_their_own():
    quality = MaskQuality(
        IMAGES, LABELS, MASKS, metrics=[metrics.ROCAUC()], batch_size=3
    )
    assert quality.measure(Stub()) == {
        "roc_auc": pytest.approx(by_hand(metrics.roc_auc))
    }
    # Constant masks are the same at every size.
    large = np.repeat(np.repeat(MASKS, 2, axis=1), 2, axis=2)
    shown = np.ones_like(IMAGES)
    small = MaskQuality(shown, LABELS, MASKS).measure(Stub())
    assert MaskQuality(shown, LABELS, large).measure(Stub()) == pytest.approx(small)


def test_without_labels_the_predicted_classes_are_explained():
    values = MaskQuality(IMAGES, None, MASKS).measure(Stub())
    expected = np.mean(metrics.iou(MASKS, IMAGES[..., 0].clip(0)))
    assert values["iou"] == pytest.approx(float(expected))


def test_images_without_an_object_are_left_out():
    masks = MASKS.copy()
    masks[3:] = 0
    values = MaskQuality(IMAGES, LABELS, masks).measure(Stub())
    assert values["iou"] == pytest.approx(by_hand(masks=masks))


WRONG = {
    r"`masks` should give masks of shape \(N, H, W\).*5 images.*\(5, 8, 8, 3\)": IMAGES,
    r"`masks` should give masks.*Received: 5 images and masks.*\(4, 8, 8\)": MASKS[:4],
    "`masks` .*numbers.*Received: -1": 0.0 - (MASKS > 0),
    "`masks` .*numbers.*Received: nan": MASKS * np.nan,
    "`masks` .*numbers.*Received: dtype <U": MASKS.astype(str),
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_masks_are_told_when_training_begins(message):
    quality = MaskQuality(IMAGES, LABELS, WRONG[message])
    quality.set_model(Stub())
    with pytest.raises(ValueError, match=message):
        quality.on_train_begin()


def test_masks_without_any_object_are_told():
    message = "should give masks with at least one object; divide.*Received: nothing"
    quality = MaskQuality(IMAGES, LABELS, 255 * (MASKS > 0))
    quality.set_model(Stub())
    with pytest.raises(ValueError, match=f"`masks` {message}"):
        quality.on_train_begin()
    batches = dataset((IMAGES, LABELS, 255 * (MASKS > 0)))
    with pytest.raises(ValueError, match=f"`images` {message}"):
        MaskQuality(batches).measure(Stub())


def test_wrong_arguments():
    with pytest.raises(ValueError, match="`metrics`.*IoU.*Received: <BinaryAccuracy"):
        MaskQuality(IMAGES, LABELS, MASKS, metrics=[keras.metrics.BinaryAccuracy()])
    for no_masks in (
        IMAGES,
        dataset((IMAGES, LABELS)),
        iter([(IMAGES, LABELS, MASKS)]),
    ):
        with pytest.raises(
            ValueError, match="`masks` should be .*Received: masks=None"
        ):
            MaskQuality(no_masks)
    with pytest.raises(ValueError, match="`masks`.*5 images and 4 labels"):
        MaskQuality(IMAGES, LABELS[:4], MASKS).measure(Stub())
    quality = MaskQuality(IMAGES[:0], LABELS[:0], MASKS[:0])
    quality.set_model(Stub())
    with pytest.raises(ValueError, match="`masks` .*at least one image.*an empty set"):
        quality.on_train_begin()
    with pytest.raises(ValueError, match="`validation_freq`.*Received: 0"):
        MaskQuality(IMAGES, LABELS, MASKS, validation_freq=0)


# === In fit ===


@pytest.fixture
def explainer(eager):
    return kx.ExplainerModel(tiny_classifier())


PICTURES = random_images(4)
OBJECTS = np.zeros((4, 32, 32), bool)
OBJECTS[:, 8:24, 8:24] = True


def dataset(data):
    return tf.data.Dataset.from_tensor_slices(data).batch(2)


def iou_by_hand(explainer, labels):
    shown = explainer.explain(PICTURES, targets=labels).target_mask
    return float(np.mean(metrics.iou(OBJECTS, shown)))


@pytest.mark.slow
def test_fit_measures_masks_and_compiled_metrics(explainer):
    labels = [0, 1, 2, 0]
    explainer.compile(
        metrics=[keras.metrics.CategoricalAccuracy(), metrics.PixelAccuracy()]
    )
    arrays = PICTURES, np.array(labels), OBJECTS
    history = explainer.fit(
        *arrays[:2], epochs=2, verbose=0, validation_data=arrays, validation_freq=2
    ).history
    assert history["val_iou"] == [pytest.approx(iou_by_hand(explainer, labels))]
    assert len(history["val_pixel_accuracy"]) == 1 and "pixel_accuracy" not in history
    assert "val_categorical_accuracy" in history and "iou" not in history
    for data in (arrays, dataset(arrays), dataset(as_dict(*arrays))):
        logs = explainer.evaluate(data, verbose=0, return_dict=True)
        assert logs["iou"] == pytest.approx(history["val_iou"][0])
        assert logs["pixel_accuracy"] == pytest.approx(history["val_pixel_accuracy"][0])
        assert explainer.evaluate(data, verbose=0)[-2:] == pytest.approx(
            [logs["iou"], logs["pixel_accuracy"]]
        )
        loss = explainer.evaluate(*arrays[:2], verbose=0, return_dict=True)["loss"]
        assert logs["loss"] == pytest.approx(loss, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["dataset", "repeated", "of no rank", "PyDataset"])
def test_fit_takes_masks_in_batches(explainer, form):
    arrays = PICTURES, np.array([0, 1, 2, 0]), OBJECTS
    data = dataset(arrays) if form != "PyDataset" else Pictures(as_tuple, *arrays)
    steps = None
    if form == "of no rank":
        kinds = tf.float32, tf.int64, tf.bool
        data = tf.data.Dataset.from_generator(dataset(arrays).__iter__, kinds)
    if form == "repeated":
        data, steps = data.repeat(), 2
    history = explainer.fit(
        *arrays[:2], verbose=0, validation_data=data, validation_steps=steps
    ).history
    expected = iou_by_hand(explainer, [0, 1, 2, 0])
    assert history["val_iou"] == [pytest.approx(expected)]


def test_a_vector_is_of_weights_as_in_keras(explainer):
    data = PICTURES, np.array([0, 1, 2, 0]), np.ones(4)
    history = explainer.fit(*data[:2], verbose=0, validation_data=data).history
    assert "val_loss" in history and "val_iou" not in history


def test_wrong_masks_end_fit_before_training(explainer):
    data = PICTURES, np.array([0, 1, 2, 0]), np.ones((3, 32, 32))
    with pytest.raises(ValueError, match="`validation_data` should give masks.*3, 32"):
        explainer.fit(*data[:2], verbose=0, validation_data=data)
    assert int(explainer.optimizer.iterations) == 0


@pytest.mark.slow
def test_what_watches_a_quality_comes_after_it_and_knows_what_is_better(explainer):
    data = PICTURES, np.array([0, 1, 2, 0]), OBJECTS
    explainer.compile(keras.optimizers.SGD(0.0), metrics=[metrics.UndecidedShare()])
    stopping = keras.callbacks.EarlyStopping("val_iou", patience=1)
    plateau = keras.callbacks.ReduceLROnPlateau("val_undecided_share", patience=9)
    history = explainer.fit(
        *data[:2],
        epochs=5,
        verbose=0,
        callbacks=[stopping, plateau, MaskQuality(*data)],
    ).history
    # Nothing is learned, so that the second epoch is no better than the first.
    assert len(history["val_iou"]) == 2
    assert stopping.mode == "max" and plateau.mode == "min"


@pytest.mark.slow
def test_metrics_of_masks_are_saved_with_the_explainer(explainer, tmp_path):
    chosen = [keras.metrics.CategoricalAccuracy(), metrics.TrimapIoU(2)]
    explainer.compile(metrics=chosen)
    explainer.save(tmp_path / "explainer.keras")
    loaded = keras.saving.load_model(tmp_path / "explainer.keras")
    (metric,) = loaded.mask_metrics
    assert type(metric) is metrics.TrimapIoU and metric.options["width"] == 2
    data = PICTURES, np.array([0, 1, 2, 0]), OBJECTS
    logs = loaded.evaluate(data, verbose=0, return_dict=True)
    assert {"categorical_accuracy", "iou", "trimap_iou"} <= set(logs)


@pytest.mark.slow
def test_masks_find_their_patches_as_training_goes_on(trained_classifier, tmp_path):
    explainer = kx.ExplainerModel(trained_classifier())
    images, labels, _ = trained.patches(128, seed=1)
    held_out, true_labels, true_masks = trained.patches(32, seed=2)
    data = held_out, true_labels, true_masks.max(axis=-1)
    best = keras.callbacks.ModelCheckpoint(
        tmp_path / "best.keras", monitor="val_iou", mode="max", save_best_only=True
    )
    history = explainer.fit(
        images, labels, epochs=8, verbose=0, validation_data=data, callbacks=[best]
    ).history["val_iou"]
    assert len(history) == 8 and history[-1] > history[0] + 0.05
    loaded = keras.saving.load_model(tmp_path / "best.keras")
    shown = loaded.explain(held_out, targets=true_labels).target_mask
    assert max(history) == pytest.approx(float(np.mean(metrics.iou(data[2], shown))))
