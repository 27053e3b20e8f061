"""Of a classifier with several inputs, the images of one are explained."""

import functools

import keras
import numpy as np
import pytest
import several_inputs
import tensorflow as tf
import trained
from explainer_kinds import EXPLAINERS
from several_inputs import of_two_views
from several_inputs import with_table

import keras_explainer as kx
from keras_explainer.inputs.data_forms import read_data
from keras_explainer.inputs.model_inputs import ModelInputs

pytestmark = pytest.mark.filterwarnings("ignore:Argument `background` should be")
DATA = pytest.mark.parametrize("data", [with_table, of_two_views])


@pytest.fixture
def load(run_folder):
    """A function from a function that draws data to its classifier, a new copy."""

    def load(data):
        path = run_folder / f"{data.__name__}.keras"
        return trained.once_per_run(path, lambda: several_inputs.train(data))

    return load


@pytest.fixture
def load_explainer(run_folder, load):
    def load_explainer(data):
        path = run_folder / f"explainer_{data.__name__}.keras"

        def make():
            return several_inputs.train_explainer(data, load(data))

        return trained.once_per_run(path, make)

    return load_explainer


@DATA
def test_masks_are_right_and_proven(data, load_explainer):
    inputs, labels, truth = data(64, seed=3)
    explainer = load_explainer(data)
    found = explainer.explain(inputs, targets=labels, verify=True)
    shares = map(trained.share_on_own_patch, found.masks[..., 0], truth)
    # The classifier of two views gives an empty picture the first class.
    assert np.mean([*shares]) > (0.8 if data is with_table else 0.5)
    assert found.kept_scores.mean() > found.scores.mean() - 0.1
    assert found.removed_scores.mean() < 0.5
    expected = explainer.classifier.predict(inputs, verbose=0)
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)
    # The proof, by hand: each image goes with its own row of what is not explained.
    name = several_inputs.IMAGE_INPUTS[data]
    kept = explainer.kept_part(inputs[name], found.masks[..., 0])
    answers = explainer.classifier.predict({**inputs, name: kept}, verbose=0)
    expected = np.take_along_axis(answers, labels[:, None], axis=1)
    np.testing.assert_allclose(found.kept_scores, expected, atol=1e-4)


@DATA
def test_each_image_goes_with_its_own_row(data, load_explainer):
    inputs, _, _ = data(4, seed=5)
    options = {"top_k": 2, "refine_steps": 2, "mirrored": True, "verify": True}
    explainer = load_explainer(data)
    together = explainer.explain(inputs, **options)
    for i in range(4):
        one = {key: values[i : i + 1] for key, values in inputs.items()}
        alone = explainer.explain(one, **options)
        for name in ("masks", "relevance", "probabilities", "kept_scores"):
            found, expected = getattr(alone, name), getattr(together, name)
            np.testing.assert_allclose(found[0], expected[i], atol=1e-3)


def forms_of(inputs, labels):
    """Yields what `fit` may be given, of the same batches."""
    order = (inputs["image"], inputs["table"])
    slices = [slice(start, start + 8) for start in range(0, len(labels), 8)]
    parts = [({k: v[s] for k, v in inputs.items()}, labels[s]) for s in slices]

    class Batches(keras.utils.PyDataset):
        num_batches = len(parts)

        def __getitem__(self, index):
            return parts[index]

    dataset = tf.data.Dataset.from_tensor_slices
    yield "dict", (inputs, labels)
    yield "tuple", (order, labels)
    yield "list", (list(order), labels)
    yield "dataset of dicts", (dataset((inputs, labels)).batch(8),)
    yield "dataset of tuples", (dataset((order, labels)).batch(8),)
    whole = dataset({**inputs, "label": labels}).batch(8)
    yield "dataset of dicts with labels", (whole,)
    yield "PyDataset", (Batches(),)
    yield "generator", (iter(parts),)


def test_every_form_of_data_gives_the_same_batches():
    inputs, labels, _ = with_table(16, seed=5)
    several = ModelInputs(["image", "table"], 0, [keras.KerasTensor((None, 2))])
    shape = (trained.SIZE, trained.SIZE, 3)
    for form, data in forms_of(inputs, labels):
        read = read_data(*(*data, None)[:2], None, shape, 3, inputs=several)
        if isinstance(read.x, tuple):
            batches = [(read.x, read.y)]
        elif isinstance(read.x, keras.utils.PyDataset):
            batches = [read.x[i] for i in range(2)]
        else:
            batches = list(read.x)
        (images, tables), found = (
            zip(*(batch[0] for batch in batches)),
            [batch[1] for batch in batches],
        )
        np.testing.assert_allclose(np.concatenate(images), inputs["image"])
        np.testing.assert_allclose(np.concatenate(tables), inputs["table"])
        np.testing.assert_allclose(np.concatenate(found), labels, err_msg=form)


def test_explain_takes_every_form(load_explainer):
    inputs, labels, _ = with_table(16, seed=5)
    explainer = load_explainer(with_table)
    expected = explainer.explain(inputs, top_k=1).masks
    for form, data in forms_of(inputs, labels):
        found = explainer.explain(data[0], top_k=1).masks
        np.testing.assert_allclose(found, expected, atol=1e-5, err_msg=form)


@pytest.mark.slow
def test_fit_takes_batches_of_dicts(load):
    inputs, labels, _ = with_table(16, seed=5)
    explainer = kx.ExplainerModel(load(with_table))
    for data in (
        tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(8),
        iter([(inputs, labels)]),
    ):
        history = explainer.fit(data, verbose=0)
        assert np.isfinite(history.history["loss"]).all()


def test_validation_evaluation_and_prediction_take_all_inputs(load, capsys):
    inputs, labels, _ = with_table(16, seed=5)
    explainer = kx.ExplainerModel(load(with_table))
    validation = {k: v[:8] for k, v in inputs.items()}, labels[:8]
    history = explainer.fit(inputs, labels, validation_data=validation, verbose=2)
    assert np.isfinite(history.history["val_loss"]).all()
    assert "8 images that training did not see" in capsys.readouterr().out
    losses = explainer.evaluate(inputs, labels, verbose=0, return_dict=True)
    assert np.isfinite(losses["loss"])
    predicted = explainer.predict(inputs, verbose=0)["probabilities"]
    expected = explainer.classifier.predict(inputs, verbose=0)
    np.testing.assert_allclose(predicted, expected, atol=1e-5)
    called = explainer(inputs)["probabilities"]
    np.testing.assert_allclose(called, expected, atol=1e-5)


@DATA
def test_saved_reloaded_and_cloned(data, load_explainer, tmp_path):
    inputs, _, _ = data(4, seed=5)
    explainer = load_explainer(data)
    expected = explainer.explain(inputs).masks
    explainer.save(tmp_path / "explainer.keras")
    loaded = keras.saving.load_model(tmp_path / "explainer.keras")
    np.testing.assert_allclose(loaded.explain(inputs).masks, expected, atol=1e-5)
    clone = keras.models.clone_model(explainer)
    found, wanted = clone.explain(inputs), explainer.explain(inputs)
    np.testing.assert_allclose(found.probabilities, wanted.probabilities, atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Images should be raw pixels")
def test_exported(load_explainer, tmp_path):
    inputs, _, _ = with_table(4, seed=5)
    explainer = load_explainer(with_table)
    explainer.preprocess_input = "identity"
    expected = explainer.explain(inputs, top_k=2, verify=True)
    explainer.export(tmp_path / "1", top_k=2, mask_size=trained.SIZE)
    served = tf.saved_model.load(str(tmp_path / "1")).signatures["explain_and_verify"]
    images, table = (tf.constant(v, "float32") for v in inputs.values())
    answer = served(images=images, table=table)
    for key in ("masks", "scores", "kept_scores", "removed_scores"):
        np.testing.assert_allclose(answer[key], getattr(expected, key), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [k for k in EXPLAINERS if k != "explainer"])
def test_siblings(kind, load):
    inputs, labels, _ = with_table(16, seed=5)
    if kind in ("bla", "bla-t", "l2x-f"):
        with pytest.raises(ValueError, match="`variant` should be .*Received"):
            EXPLAINERS[kind](load(with_table))
        return
    explainer = EXPLAINERS[kind](load(with_table), image_input="image")
    explainer.fit(inputs, labels, batch_size=8, verbose=0)
    found = explainer.explain(inputs, top_k=1)
    expected = explainer.classifier.predict(inputs, verbose=0)
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)


METHODS = {
    "GradCAM": kx.attribution.GradCAM,
    "RISE": functools.partial(kx.attribution.RISE, num_masks=32, seed=1),
    "IntegratedGradients": functools.partial(
        kx.attribution.IntegratedGradients, steps=3
    ),
    "SmoothGrad": functools.partial(kx.attribution.SmoothGrad, samples=2, seed=1),
    "GuidedBackprop": kx.attribution.GuidedBackprop,
    "ExtremalPerturbation": functools.partial(
        kx.attribution.ExtremalPerturbation, steps=3
    ),
    "IGOSPlusPlus": functools.partial(
        kx.attribution.IGOSPlusPlus, iterations=2, steps=2, size=8, seed=1
    ),
}


@pytest.mark.parametrize("method", METHODS)
def test_attribution_methods_give_each_image_its_own_row(method, load):
    inputs, labels, _ = with_table(3, seed=5)
    frozen = kx.ExplainerModel(load(with_table)).frozen
    method = METHODS[method](frozen)
    maps = method.explain(inputs, targets=labels)
    for i in range(3):
        one = {name: values[i : i + 1] for name, values in inputs.items()}
        alone = method.explain(one, targets=labels[i : i + 1])
        np.testing.assert_allclose(alone[0], maps[i], atol=1e-5)
    # The other rows, in the same traced functions, give other maps.
    other = {**inputs, "table": 1.0 - inputs["table"]}
    assert np.abs(method.explain(other, targets=labels) - maps).max() > 1e-3


def test_what_is_wrong_with_inputs_is_said(load):
    explainer = kx.ExplainerModel(load(with_table))
    inputs, labels, _ = with_table(4, seed=5)
    images, table = inputs["image"], inputs["table"]
    wrong_table = np.full((4, 2), np.nan)
    for given, expected in (
        (images, "`images` should give all inputs.*a ndarray"),
        ({"image": images}, "all inputs.*'image'"),
        ((images, table, table), "all inputs.*3 parts"),
        ((images, table[:3]), '"table" values of shape .4, 2.*shape .3, 2.'),
        ((images, images), '"table" values of shape .4, 2.'),
        ((images, wrong_table), '"table" finite values.*NaN'),
    ):
        with pytest.raises(ValueError, match=expected):
            explainer.explain(given)
    with pytest.raises(ValueError, match="`x` should give all inputs.*Received"):
        explainer.fit(images, labels, verbose=0)
    with pytest.raises(ValueError, match="come with the other inputs.*Received"):
        explainer.frozen.logits(images)
    with pytest.raises(ValueError, match="`composites` should be 0.*Received: 0.5"):
        explainer.compile(composites=0.5)


def test_the_input_of_images_is_named_or_the_only_one(load):
    views, table = load(of_two_views), load(with_table)
    with pytest.raises(ValueError, match="`image_input=.left.`.*'right'"):
        kx.ExplainerModel(views)
    for wrong in ("middle", 2, True, -1):
        with pytest.raises(ValueError, match=f"`image_input` .*Received: {wrong!r}"):
            kx.ExplainerModel(views, image_input=wrong)
    with pytest.raises(ValueError, match="should take images of shape"):
        kx.ExplainerModel(table, image_input="table")
    explainer = kx.ExplainerModel(views, image_input=0)
    assert explainer.model_inputs.other_names == ["right"]
