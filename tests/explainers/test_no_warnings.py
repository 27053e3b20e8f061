"""Training, saving and explaining say nothing that the user did not cause."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import random_images
from conftest import tiny_classifier

import keras_explainer as kx


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return random_images(2, seed=index), np.array([0, 2])


@pytest.mark.slow
def test_no_warning_of_keras_or_numpy_gets_through(tmp_path):
    classifier = tiny_classifier()
    images, labels = random_images(4), np.array([0, 1, 2, 0])
    # Of a size that is known only at its end, as of files that may be broken.
    ds = tf.data.Dataset.from_tensor_slices((images, labels))
    ds = ds.filter(lambda image, label: label >= 0).batch(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Said of every Keras variable that NumPy 2 turns into an array.
        warnings.filterwarnings("ignore", "__array__ implementation")
        explainer = kx.ExplainerModel(
            classifier,
            preprocess_input="mobilenet",
            class_names={"a": 0, "b": 1, "c": 2},
        )
        explainer.compile(run_eagerly=True)
        for data in (
            (images, labels),
            (ds,),
            (Batches(),),
            ((images[i : i + 2], labels[i : i + 2]) for i in (0, 2)),
        ):
            data = data if isinstance(data, tuple) else (data,)
            explainer.fit(*data, validation_data=ds, epochs=1, verbose=0)
        explainer.evaluate(ds, verbose=0)
        explainer.save(tmp_path / "a.keras")
        loaded = keras.saving.load_model(tmp_path / "a.keras")
        found = loaded.explain(images, top_k=2)
        pictures = loaded.preprocessing.restore(images)
        kx.visualization.save_figure(
            kx.visualization.gallery(pictures, found, loaded.class_names),
            tmp_path / "a.png",
        )
    assert loaded.class_names == ["a", "b", "c"]
