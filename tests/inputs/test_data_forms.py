"""The forms that users have data in: the same answers, or one sentence."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import random_images
from conftest import tiny_classifier

import keras_explainer as kx
from keras_explainer.backend.steps_on_tensorflow import rows_of_any_form
from keras_explainer.inputs.labels import labels_are_valid

pytestmark = pytest.mark.usefixtures("eager")
# Masks of a traced and of an eager pass: votes of cells enlarge what rounds otherwise.
ROUNDED = 1e-3
IMAGES, LABELS = random_images(8), np.arange(8) % 3


class Batches(keras.utils.PyDataset):
    """Two batches, as tuples or as dicts."""

    def __init__(self, images=IMAGES, labels=LABELS, as_dicts=False):
        super().__init__()
        self.images, self.labels, self.as_dicts = images, labels, as_dicts

    def __len__(self):
        return len(self.images) // 4

    def __getitem__(self, index):
        part = slice(4 * index, 4 * index + 4)
        images, labels = self.images[part], self.labels[part]
        return {"image": images, "label": labels} if self.as_dicts else (images, labels)


class ForeignTensor:
    """A tensor of another library, as far as NumPy knows it."""

    def __init__(self, values):
        self.values, self.shape = values, values.shape

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)

    def __len__(self):
        return len(self.values)


class Loader:
    """Gives lists of foreign tensors, anew each time, as a torch DataLoader does."""

    def __iter__(self):
        for index in range(2):
            yield [ForeignTensor(part) for part in Batches()[index]]


def generator(**options):
    batches = Batches(**options)
    return (batches[index] for index in range(len(batches)))


def dataset(elements=(IMAGES, LABELS)):
    return tf.data.Dataset.from_tensor_slices(elements).batch(4)


def of_unknown_rank():
    def lost(images, labels):
        given = [images, labels]
        return tf.py_function(lambda *parts: parts, given, [tf.float32, tf.int64])

    return dataset().map(lost)


def as_objects(images):
    array = np.empty(len(images), object)
    array[:] = list(images)
    return array


FORMS = {
    "lists": lambda: (list(IMAGES), LABELS.tolist()),
    "variables": lambda: (tf.Variable(IMAGES), tf.Variable(LABELS)),
    "Keras variables": lambda: (keras.Variable(IMAGES), keras.Variable(LABELS)),
    "foreign tensors": lambda: (ForeignTensor(IMAGES), ForeignTensor(LABELS)),
    "an array of arrays": lambda: (as_objects(IMAGES), LABELS),
    "a column": lambda: (IMAGES, LABELS[:, None]),
    "boolean rows": lambda: (IMAGES, np.eye(3, dtype=bool)[LABELS]),
    "whole numbers as objects": lambda: (IMAGES, LABELS.astype(object)),
    "a dict": lambda: ({"image": IMAGES, "label": LABELS},),
    "a pair": lambda: ((IMAGES, LABELS),),
    "a dataset": lambda: (dataset(),),
    "a dataset of dicts": lambda: (
        dataset({"image": IMAGES, "label": LABELS, "file_name": ["a"] * 8}),
    ),
    "a dataset of a dict and labels": lambda: (dataset(({"image": IMAGES}, LABELS)),),
    "a dataset of unknown rank": lambda: (of_unknown_rank(),),
    "an iterator": lambda: (iter(dataset()),),
    "arrays of a dataset": lambda: (
        dataset({"images": IMAGES, "labels": LABELS}).as_numpy_iterator(),
    ),
    "a PyDataset": lambda: (Batches(),),
    "a PyDataset of dicts": lambda: (Batches(as_dicts=True),),
    "a generator": lambda: (generator(),),
    "a generator of dicts": lambda: (generator(as_dicts=True),),
    "a loader": lambda: (Loader(),),
}


@pytest.fixture(scope="module")
def explainer():
    return kx.ExplainerModel(tiny_classifier())


@pytest.fixture(scope="module")
def method(explainer):
    return kx.attribution.GradCAM(explainer.classifier)


@pytest.mark.filterwarnings("ignore:GradCAM returns an empty")
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_maps(form, method):
    expected = method.explain(IMAGES, targets=LABELS)
    found = method.explain(FORMS[form]()[0], targets=LABELS, batch_size=None)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.fixture(scope="module")
def expected(explainer):
    loss = explainer.evaluate(IMAGES, LABELS, batch_size=4, verbose=0)
    return loss, explainer.explain(IMAGES).masks


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same(form, explainer, expected):
    loss, masks = expected
    found = explainer.evaluate(*FORMS[form](), batch_size=4, verbose=0)
    np.testing.assert_allclose(found, loss, rtol=1e-5)
    found = explainer.explain(FORMS[form]()[0]).masks
    np.testing.assert_allclose(found, masks, atol=ROUNDED)


def smaller(index=0):
    """Images of another size, in all batches or from a later one on."""
    for number, (images, labels) in enumerate(generator()):
        yield (images[:, ::2, ::2] if number >= index else images), labels


def in_batches(*elements):
    return tf.data.Dataset.from_generator(
        lambda: iter(elements),
        output_signature=(
            tf.TensorSpec((None, None, None, 3), "float32"),
            tf.TensorSpec((None,), "int64"),
        ),
    )


NAMES = np.array(["cat", "dog"] * 4)
SMALL = r"\(N, 32, 32, 3\); resize them by .*Received: shape \(., 16, 16, 3\)$"
# What is handed over, what the error says, and whether `explain` says it too.
BAD = {
    "nothing": (lambda: (None,), "images of shape .*Received: None", True),
    "a path": (
        lambda: ("pictures",),
        "images of shape .*Received: 'pictures'|can be read. Received: pictures: No",
        True,
    ),
    "another size": (lambda: (IMAGES[:, ::2, ::2], LABELS), SMALL, True),
    "another size in a dataset": (
        lambda: (dataset((IMAGES[:, ::2, ::2], LABELS)),),
        SMALL,
        True,
    ),
    "another size in a generator": (lambda: (smaller(),), SMALL, True),
    "another size in a later batch": (
        lambda: (in_batches(*smaller(1)),),
        SMALL,
        False,
    ),
    "another size later in a generator": (lambda: (smaller(1),), SMALL, False),
    "sizes that differ": (
        lambda: ([IMAGES[0], IMAGES[1, :16]], [0, 1]),
        r"one size; resize .*Received: \(16, 32, 3\) and \(32, 32, 3\)",
        True,
    ),
    "a ragged tensor": (
        lambda: (tf.ragged.stack([IMAGES[0], IMAGES[1, :16]]), [0, 1]),
        "one size; .*Received: a ragged tensor",
        True,
    ),
    "ragged batches": (
        lambda: (
            tf.data.Dataset.from_tensor_slices(
                tf.ragged.stack([IMAGES[0], IMAGES[1, :16]])
            ).batch(2),
        ),
        r"one size; .*`dataset.map\(...\).batch\(32\)`. Received: ragged images",
        True,
    ),
    "channels first": (
        lambda: (np.moveaxis(IMAGES, -1, 1), LABELS),
        r"`np.moveaxis\(images, 1, -1\)`. Received: shape \(8, 3, 32, 32\)",
        True,
    ),
    "no batches": (
        lambda: (tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)),),
        r"batches .*`dataset.batch\(32\)`. Received: images of shape \(32, 32, 3\)",
        True,
    ),
    "single images": (lambda: (zip(IMAGES, LABELS),), r"add the batch dimension", True),
    "without an end": (lambda: (dataset().repeat(),), "have an end; .*for ever", True),
    "an empty array": (lambda: (IMAGES[:0], LABELS[:0]), "at least one", True),
    "an empty list": (lambda: ([],), "shape", True),
    "an empty dataset": (lambda: (dataset().take(0),), "at least one", True),
    "an empty generator": (lambda: (iter(()),), "at least one", True),
    "an empty PyDataset": (lambda: (Batches(IMAGES[:0]),), "at least one", True),
    "four parts": (lambda: (dataset((IMAGES, LABELS) * 2),), "Received: 4 parts", True),
    "other keys": (
        lambda: (dataset({"picture": IMAGES, "class": LABELS}),),
        "\"image\" and \"label\" .*`dataset.map.*the keys 'picture', 'class'",
        True,
    ),
    "no label among keys": (
        lambda: (dataset({"image": IMAGES, "class": LABELS}),),
        "\"image\" and \"label\" .*the keys 'image', 'class'",
        False,
    ),
    "names": (
        lambda: (IMAGES, NAMES),
        r"names.index\(label\) for label in labels.*dtype <U3, such as 'cat'",
        False,
    ),
    "names in a dataset": (
        lambda: (dataset((IMAGES, NAMES)),),
        "names.index.*dtype object, such as b'cat'",
        False,
    ),
    "objects": (
        lambda: (IMAGES, LABELS.astype("float32").astype(object)),
        "should be numbers.*dtype object, such as 0",
        False,
    ),
    "pairs": (
        lambda: (list(zip(IMAGES, LABELS)),),
        r"`x, y = map\(np.array, zip\(\*pairs\)\)`. Received: a list of pairs",
        True,
    ),
    "pairs of batches": (
        lambda: ([(IMAGES[:4], LABELS[:4]), (IMAGES[4:], LABELS[4:])],),
        r"`x, y = map\(np.concatenate, zip\(\*pairs\)\)`|holds labels of its own",
        True,
    ),
    "names of files": (
        lambda: (["a.png", "b.png"], [0, 1]),
        "be images of shape .*Received: a list|can be read. Received: a.png: No such",
        True,
    ),
    "weights below zero": (
        lambda: (IMAGES, LABELS, -np.ones(8)),
        "finite and not negative. Received: -1.0",
        False,
    ),
    "weights that are no numbers": (
        lambda: (IMAGES, LABELS, np.full(8, np.nan)),
        "finite and not negative. Received: nan",
        False,
    ),
    "lists of labels": (
        lambda: (IMAGES, [[0], [0, 1]] * 4),
        "rows of 0 and 1 where images have several. Received: a list",
        False,
    ),
    "fewer labels": (
        lambda: (IMAGES, LABELS[:-1]),
        "as many labels as images. Received: 8 images and 7 labels",
        False,
    ),
    "fewer weights": (
        lambda: (IMAGES, LABELS, np.ones(7)),
        "as many weights as images. Received: 8 images and 7 weights",
        False,
    ),
    "labels twice": (
        lambda: (dataset(), LABELS),
        "Argument `y` should be None, .*Received: a ndarray",
        False,
    ),
    "labels beside those of a pair": (
        lambda: ((IMAGES, LABELS), LABELS),
        "`y` should be None where .* holds labels of its own. Received: a ndarray",
        False,
    ),
    "a bad label later": (
        lambda: (generator(labels=np.array([0] * 7 + [9])),),
        "0 to 2. Received: 9",
        False,
    ),
    "labels of another form later": (
        lambda: ((batch for batch in ((IMAGES, LABELS), (IMAGES, np.eye(3)[LABELS]))),),
        "of one form in all batches",
        False,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", BAD)
def test_what_does_not_suit_is_one_sentence(case, explainer, method):
    make, message, also_explain = BAD[case]
    before = explainer.get_weights()

    def refused(run, *arguments, **options):
        with pytest.raises(ValueError, match=message) as caught:
            run(*arguments, **options)
        assert "\n" not in str(caught.value)

    names = ("x", "y", "sample_weight")
    refused(explainer.evaluate, **dict(zip(names, make())), batch_size=4, verbose=0)
    refused(explainer.fit, **dict(zip(names, make())), batch_size=4, verbose=0)
    if case != "nothing":
        data = make() if len(make()) > 1 else make()[0]
        refused(explainer.fit, IMAGES[:4], validation_data=data, verbose=0)
    if also_explain:
        refused(explainer.explain, make()[0])
        refused(method.explain, make()[0])
    if "later" not in case:
        for old, new in zip(before, explainer.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
    explainer.set_weights(before)


def test_masks_are_no_weights_of_images_to_train_on(explainer):
    data = dataset((IMAGES, LABELS, IMAGES[..., 0]))
    message = r"if they are masks, leave them out .*shape \(4, 32, 32\)"
    with pytest.raises(ValueError, match=message):
        explainer.fit(data, verbose=0)
    with pytest.raises(ValueError, match=message):
        explainer.fit(IMAGES, verbose=0, validation_data=iter(data))


@pytest.mark.parametrize("batch_size", [0, -1, 2.0, True, "all"])
def test_batch_sizes_that_are_none(batch_size, explainer, method):
    message = f"`batch_size` should be a whole number from 1. Received: {batch_size!r}"
    for run in (explainer.fit, explainer.evaluate, explainer.explain, method.explain):
        with pytest.raises(ValueError, match=message):
            run(IMAGES, batch_size=batch_size)
    with pytest.raises(ValueError, match="`validation_batch_size` should be a whole"):
        explainer.fit(IMAGES, validation_batch_size=batch_size)


def test_no_batch_size_is_that_of_keras(explainer, expected):
    masks = explainer.explain(IMAGES, batch_size=None).masks
    np.testing.assert_allclose(masks, expected[1], atol=ROUNDED)


def test_a_generator_is_read_from_its_first_batch_on():
    explainer = kx.ExplainerModel(tiny_classifier())
    assert explainer.background.to_measure
    explainer.fit(generator(), verbose=0)
    color = IMAGES[:4].mean(axis=(0, 1, 2))
    np.testing.assert_allclose(explainer.background.color, color, rtol=1e-5)
    assert int(explainer.optimizer.iterations) == 2


@pytest.mark.slow
def test_a_loader_gives_every_epoch_and_a_generator_one():
    explainer = kx.ExplainerModel(tiny_classifier())
    explainer.fit(Loader(), epochs=2, verbose=0)
    assert int(explainer.optimizer.iterations) == 4
    message = "batches for every epoch: set the steps .*a generator that is at its end"
    with pytest.raises(ValueError, match=message):
        explainer.fit(generator(), epochs=2, verbose=0)
    # Where steps are set, one run goes on where another one stopped.
    endless = (Batches()[index % 2] for index in range(10**6))
    for _ in range(2):
        explainer.fit(endless, steps_per_epoch=1, verbose=0)


def test_an_error_of_ones_own_generator_is_told_as_it_is():
    def broken():
        yield Batches()[0]
        raise FileNotFoundError("picture 5")

    with pytest.raises(FileNotFoundError, match="^picture 5$"):
        kx.ExplainerModel(tiny_classifier()).fit(broken(), verbose=0)


@pytest.mark.slow
def test_methods_are_not_for_a_dataset(method):
    with pytest.raises(ValueError, match="GradCAM.explain should be called outside"):
        dataset(IMAGES).map(method.explain)


@pytest.mark.slow
def test_explain_in_a_function_and_in_a_dataset(explainer):
    masks = explainer.explain(IMAGES, targets=1).masks
    in_dataset = dataset(IMAGES).map(lambda batch: explainer.explain(batch, 1).masks)
    found = np.concatenate(list(in_dataset.as_numpy_iterator()))
    np.testing.assert_allclose(found, masks, atol=ROUNDED)

    def refused(images, message, targets=None):
        with pytest.raises(ValueError, match=message):
            explainer.explain(images, targets)

    def in_graph(images, labels):
        refused(images, "None or an int inside a `tf.function`.*Received: ", labels)
        refused(images, "None or an int inside a `tf.function`.*a list", [0, 1])
        refused(images, "0 to 2. Received: 3", 3)
        refused(images[:, ::2, ::2], r"resize them .*\(None, 16, 16, 3\)")
        refused(tf.as_string(images), "should be numbers. Received: tf.string")
        return 0

    dataset().map(in_graph)


@pytest.mark.slow
def test_explain_in_a_traced_function(explainer):
    tf.config.run_functions_eagerly(False)
    expected = explainer.explain(IMAGES, targets=LABELS)
    specs = [tf.TensorSpec((8, None, None, 3))]
    found = tf.function(lambda x: explainer.explain(x, LABELS), specs)(IMAGES)
    assert isinstance(found, kx.Explanation)
    for one, other in zip(found, expected, strict=True):
        assert (one is None) == (other is None)  # what `verify` finds out
        if one is not None:
            np.testing.assert_allclose(one, other, atol=ROUNDED)
    predicted = tf.function(lambda: explainer.explain(IMAGES))().masks
    np.testing.assert_allclose(predicted, explainer.explain(IMAGES).masks, atol=ROUNDED)


@pytest.mark.slow
def test_labels_may_change_their_form_from_run_to_run():
    tf.config.run_functions_eagerly(False)
    explainer = kx.L2XExplainer(tiny_classifier(), grid=4)
    forms = (LABELS, LABELS[:, None], np.eye(3)[LABELS], LABELS.astype("float64"))
    losses = [explainer.evaluate(IMAGES, labels, verbose=0)[0] for labels in forms]
    np.testing.assert_allclose(losses, losses[0], rtol=1e-5)
    for labels in forms:
        explainer.fit(IMAGES, labels, verbose=0)
    assert int(explainer.optimizer.iterations) == 4
    # The graph that is for any form still tells what is none.
    for labels, valid in ((LABELS, True), (LABELS + 1, False), (-LABELS, False)):
        rows = rows_of_any_form(tf.constant(labels), 8, 3)
        assert bool(labels_are_valid(rows, 3)) is valid
    twice = rows_of_any_form(tf.constant(2 * np.eye(3)[LABELS]), 8, 3)
    assert not labels_are_valid(twice, 3)


def test_fit_hands_its_callbacks_on_by_keyword(monkeypatch):
    """Autologging wraps `keras.Model.fit`, and adds its own there."""
    fit, seen = keras.Model.fit, []

    def logged(model, *arguments, callbacks, **options):
        added = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: seen.append(logs["loss"])
        )
        return fit(model, *arguments, callbacks=[*callbacks, added], **options)

    monkeypatch.setattr(keras.Model, "fit", logged)
    kx.L2XExplainer(tiny_classifier(), grid=4).fit(IMAGES, LABELS, verbose=0)
    assert len(seen) == 1
