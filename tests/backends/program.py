"""What a backend of Keras makes of trained models, for `test_backends.py`.

    KERAS_BACKEND=jax python tests/backends/program.py FOLDER

FOLDER holds what TensorFlow wrote: `data.npz`, classifiers and explainers. The answers
go beside them, into a file named after the backend.
"""

import os
import pathlib
import sys

import keras
import numpy as np
import token_classifiers  # noqa: F401, whose layers are read from files

import keras_explainer as kx
from keras_explainer import attribution
from keras_explainer import metrics

BACKEND = keras.backend.backend()
# Methods without draws, or whose draws count for nothing.
METHODS = {
    "grad_cam": lambda c: attribution.GradCAM(c),
    "guided_backprop": lambda c: attribution.GuidedBackprop(c),
    "integrated_gradients": lambda c: attribution.IntegratedGradients(c, steps=3),
    "smooth_grad": lambda c: attribution.SmoothGrad(c, samples=1, noise=0.0),
    "igos": lambda c: attribution.IGOSPlusPlus(c, iterations=1, steps=2, noise=0.0),
}


def classifiers(folder, data):
    """Yields names and masks of untrained explainers of every kind of classifier."""
    for path in sorted(folder.glob("untrained_*.keras")):
        explainer = keras.saving.load_model(path)
        yield path.stem, explainer.explain(data["images"]).masks


def explainers(folder, data):
    """Yields names, and losses and masks of every kind of trained explainer."""
    images, labels = data["images"], data["labels"]
    for path in sorted(folder.glob("explainer_*.keras")):
        explainer = keras.saving.load_model(path)
        losses = explainer.evaluate(images, labels, verbose=0, return_dict=True)
        for name, value in losses.items():
            yield f"{path.stem} {name}", value
        explanation = explainer.explain(images, targets=labels, verify=True)
        for name in ("masks", "relevance", "kept_scores", "removed_scores"):
            yield f"{path.stem} {name}", getattr(explanation, name)


def one_step(folder, data):
    """Yields the loss of a step without draws, and the weights that it leaves."""
    explainer = keras.saving.load_model(folder / "untrained_softmax.keras")
    explanation = explainer.explain(data["images"], targets=data["labels"])
    yield "masks before", explanation.masks
    nothing_drawn = {"composites": 0.0, "crops": 0.0, "augmentation": 0.0}
    explainer.compile(keras.optimizers.SGD(0.1), **nothing_drawn)
    logs = explainer.train_on_batch(data["images"], data["labels"], return_dict=True)
    for name, value in logs.items():
        yield f"step {name}", value
    for number, variable in enumerate(explainer.trainable_variables):
        yield f"step weights {number}", keras.ops.convert_to_numpy(variable)


def two_devices(folder, data):
    """Yields what `one_step` does, of a batch that two devices share."""
    assert len(keras.distribution.list_devices()) == 2
    keras.distribution.set_distribution(keras.distribution.DataParallel())
    yield from one_step(folder, data)


def on_request(folder, data):
    """Yields masks by the options of `explain`."""
    explainer = keras.saving.load_model(folder / "explainer_explainer.keras")
    images, labels = data["images"], data["labels"]
    options = {"targets": labels, "refine_steps": 2, "mirrored": True}
    yield "refined", explainer.explain(images, **options).masks
    # The last batch is smaller than the others.
    yield "in batches", explainer.explain(images, targets=labels, batch_size=4).masks


def maps(folder, data):
    """Yields maps of methods without training, and their faithfulness."""
    classifier = keras.saving.load_model(folder / "classifier.keras")
    images, labels = data["images"], data["labels"]
    for name, make in METHODS.items():
        yield name, make(classifier).explain(images, targets=labels)
    arguments = classifier, images, data["truth"], labels
    curves = metrics.insertion_deletion(*arguments, step_share=0.25)
    yield "insertion", curves["insertion"]
    yield "deletion", curves["deletion"]
    yield "correlation", metrics.deletion_correlation(*arguments)
    yield "road", metrics.road(*arguments, shares=[0.5], noise=0.0)["score"]
    grey = images.mean(axis=-1)
    yield "roc_auc", keras.ops.convert_to_numpy(metrics.roc_auc(data["truth"], grey))


def training(folder, data):
    """Yields how much of masks lies on the object, after a short training.

    Three forms of data, each an epoch: arrays, batches, and a loader without a length.
    """
    keras.utils.set_random_seed(0)
    classifier = keras.saving.load_model(folder / "classifier.keras")
    explainer = kx.ExplainerModel(classifier)
    images, labels = data["training_images"], data["training_labels"]
    batches = [(images[i : i + 32], labels[i : i + 32]) for i in range(0, 256, 32)]

    class Loader:
        def __iter__(self):
            return iter(batches)

    held_out = data["images"], data["labels"]
    options = {"epochs": 4, "verbose": 0}
    explainer.fit(images, labels, validation_data=held_out, **options)
    explainer.fit(Loader(), **options)
    history = explainer.fit(iter(batches * 4), steps_per_epoch=8, **options)
    masks = explainer.explain(data["images"], targets=data["labels"]).masks[..., 0]
    yield "trained loss", history.history["loss"][-1]
    yield "trained share", (masks * data["truth"]).sum() / masks.sum()
    yield "trained masks", masks
    explainer.save(folder / f"trained_{BACKEND}.keras")


PARTS = {
    part.__name__: part
    for part in (
        classifiers,
        explainers,
        one_step,
        two_devices,
        on_request,
        maps,
        training,
    )
}


def main(folder, names):
    folder = pathlib.Path(folder)
    data = dict(np.load(folder / "data.npz"))
    answers = {}
    for name in names.split(","):
        answers.update(PARTS[name](folder, data))
        # Keras itself looks for TensorFlow where it reads loaders or saves a model.
        is_own = BACKEND == "tensorflow" or name == "training"
        assert is_own or "tensorflow" not in sys.modules, "TensorFlow was imported"
    beside = folder / f"{BACKEND}_{os.getpid()}.npz"
    np.savez(beside, **{name: np.asarray(value) for name, value in answers.items()})
    beside.rename(folder / f"{BACKEND}_{names}.npz")


if __name__ == "__main__":
    main(*sys.argv[1:])
