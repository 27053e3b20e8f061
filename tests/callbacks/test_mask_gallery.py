from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from keras_explainer.callbacks import MaskGallery
from keras_explainer.visualization import gallery
from keras_explainer.visualization import save_figure

pytest.importorskip("matplotlib")

IMAGES = np.linspace(-1, 1, 2 * 8 * 8 * 3, dtype="float32").reshape(2, 8, 8, 3)
NAMES = ["cat", "dog"]


class Stub:
    """Stands for an ExplainerModel whose masks grow with every call."""

    def __init__(self):
        self.calls = []
        self.preprocessing = SimpleNamespace(restore=lambda x: (x + 1) * 127.5)

    def explain(self, images, targets=None):
        self.calls.append(targets)
        masks = np.full((2, 8, 8, 1), min(1.0, 0.25 * len(self.calls)))
        return SimpleNamespace(
            masks=masks,
            classes=np.array([[1], [0]]),
            scores=np.array([[0.75], [0.5]]),
            target_mask=masks[..., 0],
        )


def train(callback, model, first=0, epochs=3):
    callback.set_model(model)
    callback.on_train_begin()
    for epoch in range(first, epochs):
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch)
    callback.on_train_end()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.slow
def test_writes_the_gallery_of_every_epoch(tmp_path):
    model = Stub()
    train(MaskGallery(IMAGES, tmp_path / "a", class_names=NAMES, targets=[1, 0]), model)
    assert names(tmp_path / "a") == [f"epoch_00{i}.png" for i in range(4)]
    assert model.calls == [[1, 0]] * 4

    # The third picture is the gallery of the third explanation.
    again = Stub()
    for _ in range(3):
        explanation = again.explain(IMAGES)
    restored = again.preprocessing.restore(IMAGES)
    save_figure(gallery(restored, explanation, NAMES), tmp_path / "expected.png")
    np.testing.assert_array_equal(
        np.array(Image.open(tmp_path / "a" / "epoch_002.png")),
        np.array(Image.open(tmp_path / "expected.png")),
    )


def test_draws_every_other_epoch(tmp_path):
    train(MaskGallery(IMAGES, str(tmp_path), every=2), Stub(), epochs=5)
    assert names(tmp_path) == ["epoch_000.png", "epoch_002.png", "epoch_004.png"]


def test_resumed_training_keeps_the_earlier_pictures(tmp_path):
    callback = MaskGallery(IMAGES, tmp_path)
    train(callback, Stub(), epochs=1)
    first = (tmp_path / "epoch_000.png").read_bytes()
    train(callback, Stub(), first=4, epochs=5)
    assert (tmp_path / "epoch_000.png").read_bytes() == first
    assert names(tmp_path) == [f"epoch_00{i}.png" for i in (0, 1, 4, 5)]


def test_runs_inside_fit(tmp_path):
    import keras

    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    stub = Stub()
    model.explain, model.preprocessing = stub.explain, stub.preprocessing
    model.compile(loss="mse", run_eagerly=True)
    callback = MaskGallery(IMAGES, tmp_path, ground_truth=np.ones((2, 8, 8)))
    model.fit(np.ones((2, 1)), np.ones((2, 1)), verbose=0, callbacks=[callback])
    assert names(tmp_path) == ["epoch_000.png", "epoch_001.png"]


def test_writes_tensorboard_summaries(tmp_path):
    tf = pytest.importorskip("tensorflow")
    train(MaskGallery(IMAGES, log_dir=tmp_path), Stub(), epochs=2)

    pictures = {}
    for file in tmp_path.iterdir():
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                assert value.tag == "masks"
                assert value.metadata.plugin_data.plugin_name == "images"
                width, height, png = tf.make_ndarray(value.tensor)
                pictures[event.step] = tf.io.decode_png(png).numpy()
                assert pictures[event.step].shape == (int(height), int(width), 3)
    assert sorted(pictures) == [0, 1, 2]
    expected = gallery((IMAGES + 1) * 127.5, Stub().explain(IMAGES), class_names=None)
    expected.canvas.draw()
    np.testing.assert_array_equal(
        pictures[0], np.asarray(expected.canvas.buffer_rgba())[..., :3]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": IMAGES[0]}, "`images` should have shape .*8, 8, 3"),
        ({"images": IMAGES[:0]}, "`images` should have shape .*0, 8"),
        ({"path": None}, "`path` or `log_dir`, or both.*Received"),
        ({"every": 0}, "`every` should be an int from 1. Received: every=0"),
        ({"every": 1.5}, "`every` should be .*1.5"),
        ({"ground_truth": np.ones((1, 8, 8))}, "`ground_truth` should .* Received: 1"),
        ({"ground_truth": np.full((2, 8, 8), 255)}, "`ground_truth` should hold .*255"),
        ({"targets": [1, 2, 3]}, "`targets` should .* 2 images. Received: 3"),
    ],
)
def test_wrong_arguments_surface_at_construction(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        MaskGallery(**{"images": IMAGES, "path": tmp_path, **arguments})
