"""The comparison: known answers, interruption, failure, and bad arguments."""

import importlib
import inspect

import keras
import numpy as np
import pytest
from conftest import tiny_classifier

import keras_explainer as kx
from keras_explainer.commands.evaluate import DEFAULT_METHODS
from keras_explainer.evaluation import METHOD_ROWS
from keras_explainer.evaluation import MethodResult
from keras_explainer.evaluation import evaluate_methods
from keras_explainer.evaluation import method_rows
from keras_explainer.evaluation.classifier_scores import mean_of_pairs
from keras_explainer.evaluation.comparison_table import ComparisonTable
from keras_explainer.evaluation.mask_sources import Batch
from keras_explainer.evaluation.mask_sources import ConstantMasks

# The module, not the function of its name.
evaluation = importlib.import_module("keras_explainer.evaluation.evaluate_methods")
# All but what the module's fixtures measure, which is compiled.
pytestmark = pytest.mark.usefixtures("eager")
FAST = {"step_share": 0.25, "discrimination_limit": 3}
CONTROLS = ["zero", "half", "one", "random", "ideal"]


@pytest.fixture(scope="module")
def explainer():
    keras.utils.set_random_seed(0)
    classifier = tiny_classifier(8, "sigmoid")
    return kx.ExplainerModel(classifier, preprocess_input="mobilenet")


@pytest.fixture(scope="module")
def data():
    dataset = kx.datasets.shapes(
        5,
        image_size=32,
        batch_size=2,
        masks=True,
        preprocess_input=keras.applications.mobilenet.preprocess_input,
    )
    return list(dataset.as_numpy_iterator())


@pytest.fixture(scope="module")
def controls(explainer, data):
    return evaluate_methods(explainer, data, CONTROLS, **FAST)


@pytest.mark.slow
def test_true_mask_is_perfect(controls):
    values = controls["ideal"].values
    for name in (
        "iou",
        "class_iou",
        "threshold_averaged_f1",
        "accuracy",
        "auc",
        "pointing_game",
    ):
        np.testing.assert_array_equal(values[name], 1)
    for name in ("background_coverage", "undecided_share", "empty"):
        np.testing.assert_array_equal(values[name], 0)
    summary = controls["ideal"].summary("threshold_averaged_iou")
    assert summary == {"mean": 1, "low": 1, "high": 1, "images": 5}


def test_constants_in_closed_form(controls, data):
    truth = np.concatenate([part[2] for part in data])
    share = (truth > 0).mean(axis=(1, 2))
    expected = {
        "zero": {
            "iou": 0,
            "accuracy": 1 - share,
            "threshold_averaged_f1": 0,
            "continuous_iou": 0,
        },
        # Of the nine thresholds, 0.1 ... 0.5 take everything; of F1's, two of three.
        "half": {
            "iou": share,
            "threshold_averaged_iou": share * 5 / 9,
            "threshold_averaged_f1": 2 / 3 * 2 * share / (1 + share),
            "continuous_iou": 0.5 * share / (share + 0.5 * (1 - share)),
            "undecided_share": 1,
        },
        "one": {
            "iou": share,
            "accuracy": share,
            "threshold_averaged_f1": 2 * share / (1 + share),
        },
    }
    for name, metrics in expected.items():
        values = controls[name].values
        for metric, value in metrics.items():
            np.testing.assert_allclose(
                values[metric], np.broadcast_to(value, 5), atol=1e-6, err_msg=metric
            )
        np.testing.assert_array_equal(values["auc"], 0.5)
        np.testing.assert_allclose(values["pointing_game"], share, atol=1e-6)
        np.testing.assert_array_equal(values["passes"], 0)
        # Whatever class is asked for, the same pixels are kept.
        np.testing.assert_allclose(values["class_discrimination_gap"][:3], 0, atol=1e-6)
        assert np.isnan(values["class_discrimination_gap"][3:]).all()
    np.testing.assert_allclose(controls["one"].values["drop"], 0, atol=1e-6)
    # A constant shuffled at random is the same constant.
    half = controls["half"].values
    np.testing.assert_allclose(half["random_drop"], half["drop"], atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["default", "published"])
def test_orders_are_measured_on_relevance_and_regions_on_masks(
    explainer, data, protocol
):
    images, labels, truth = data[0]
    found = explainer.explain(images, targets=labels)
    rows, places = np.nonzero(found.classes >= 0)
    maps = {
        name: getattr(found, name)[rows, ..., places] for name in ("masks", "relevance")
    }
    assert np.abs(maps["masks"] - maps["relevance"]).max() > 0.1
    options = {**FAST, "protocol": protocol}
    result = evaluate_methods(explainer, data[:1], ["explainer"], **options)
    values = result["explainer"].values
    curves = kx.metrics.insertion_deletion(
        explainer.frozen,
        images[rows],
        maps["relevance" if protocol == "default" else "masks"],
        found.classes[rows, places].tolist(),
        step_share=FAST["step_share"],
    )
    expected = mean_of_pairs(curves["insertion_auc"], rows, len(images))
    np.testing.assert_allclose(values["insertion"], expected, atol=1e-5)
    if protocol == "published":
        return
    merged = {
        name: np.stack([each[rows == i].max(axis=0) for i in range(len(images))])
        for name, each in maps.items()
    }
    inside = truth > 0
    for name, metric, of in (
        ("auc", kx.metrics.roc_auc, "relevance"),
        ("iou", kx.metrics.iou, "masks"),
    ):
        expected = metric(inside, merged[of])
        np.testing.assert_allclose(values[name], expected, atol=1e-5, err_msg=name)


def test_controls_stand_beside_the_explainer_unasked():
    defaults = inspect.signature(evaluate_methods).parameters["methods"].default
    for methods in (defaults, DEFAULT_METHODS):
        assert {"explainer", "zero", "random_area"} < set(methods)


def test_random_masks_of_equal_area(explainer, data):
    images, labels, _ = data[0]
    batch = Batch(images, labels, None, 7)
    rows, classes = np.indices((2, 8)).reshape(2, -1)
    build = {name: METHOD_ROWS[name].build for name in ("explainer", "random_area")}
    masks, found = (
        make(explainer, None, 5).pair_masks(batch, rows, classes)
        for make in build.values()
    )
    np.testing.assert_allclose(
        np.sort(found.reshape(16, -1)), np.sort(masks.reshape(16, -1)), atol=1e-6
    )
    # Elsewhere, in another place for each image and class.
    places = [np.argmax(mask) for mask in found]
    assert len(set(places)) > 12 and places != [np.argmax(mask) for mask in masks]
    again = build["random_area"](explainer, None, 5).pair_masks(batch, rows, classes)
    np.testing.assert_array_equal(found, again)
    # The same image in another batch has the same control.
    second = Batch(images[1:], labels[1:], None, 8)
    alone = build["random_area"](explainer, None, 5).pair_masks(
        second, np.zeros(8, int), np.arange(8)
    )
    np.testing.assert_allclose(alone, found[8:], atol=1e-5)
    results = evaluate_methods(explainer, data[:1], ["random_area"], **FAST)
    assert results["random_area"].summary("drop")["images"] == 2
    np.testing.assert_array_equal(results["random_area"].values["passes"], 0)


def test_own_and_other_are_those_of_the_metric(controls, explainer, data):
    images, labels, truth = (np.concatenate(part)[:3] for part in zip(*data))
    masks = truth[..., None] == np.arange(1, 9)
    expected = kx.metrics.class_discrimination(
        explainer.frozen, images, masks, labels, background=explainer.background
    )
    found = controls["ideal"].discrimination_matrix()
    np.testing.assert_allclose(found, expected["matrix"], atol=1e-5)


@pytest.mark.slow
def test_interrupted_evaluation_ends_like_one_that_was_not(explainer, data, tmp_path):
    methods = ["explainer", "random"]
    whole = evaluate_methods(explainer, data, methods, **FAST)

    def interrupt(name, images):
        if (name, images) == ("random", 4):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate_methods(
            explainer, data, methods, folder=tmp_path, progress=interrupt, **FAST
        )
    kept = MethodResult.load("random", tmp_path / "random.npz")
    assert kept.images == 4
    seen = []
    parted = evaluate_methods(
        explainer,
        data,
        methods,
        folder=tmp_path,
        progress=lambda *step: seen.append(step),
        **FAST,
    )
    assert seen[-1] == ("random", 5)
    np.testing.assert_array_equal(
        parted["random"].values["seconds"][:4], kept.values["seconds"]
    )
    for name in methods:
        one, other = whole[name].values, parted[name].values
        assert one.keys() == other.keys() and whole[name].images == 5
        for key in one.keys() - {"seconds"}:
            np.testing.assert_array_equal(one[key], other[key], err_msg=key)


class Stop(Exception):
    """An interruption that no method can be blamed for."""


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("size", range(1, 6))
def test_resumed_in_batches_of_another_size(
    explainer, tmp_path, monkeypatch, size, slow
):
    """Whatever the batches before and after, every image is measured once."""
    images = np.random.default_rng(0).uniform(-1, 1, (7, 4, 4, 3)).astype("float32")
    labels = np.eye(8, dtype="float32")[[0, 1, 2, 3, 4, 5, 6]]
    labels[2] = 0  # Left out, and not counted.
    kept = [0, 1, 3, 4, 5, 6]

    def measure(self, source, batch, compared):
        values = {
            "seconds": np.zeros(len(batch.images)),
            "first": batch.images[:, 0, 0],
        }
        numbers = batch.first + np.arange(len(batch.images))
        return {**values, "label": batch.labels.argmax(1), "number": numbers}

    monkeypatch.setattr(evaluation._Scorer, "_measure", measure)
    monkeypatch.setitem(METHOD_ROWS, "one", METHOD_ROWS["one"]._replace(is_slow=slow))

    def run(size, folder, until=None):
        def progress(name, count):
            if until is not None and count >= until:
                raise Stop

        data = [(images[i : i + size], labels[i : i + size]) for i in range(0, 7, size)]
        return evaluate_methods(
            explainer, data, ["one"], folder=folder, progress=progress
        )

    for other in range(1, 8):
        for until in range(1, 7):
            folder = tmp_path / f"{other}_{until}"
            with pytest.raises(Stop):
                run(size, folder, until)
            values = run(other, folder)["one"].values
            np.testing.assert_array_equal(values["first"], images[kept, 0, 0])
            assert values["label"].tolist() == kept
            assert values["number"].tolist() == list(range(6))


class Failing(ConstantMasks):
    def pair_masks(self, batch, rows, classes):
        if batch.first:
            raise RuntimeError("Out of\nmemory")
        return super().pair_masks(batch, rows, classes)


def test_failing_method_is_told_and_the_others_go_on(explainer, data, monkeypatch):
    failing = METHOD_ROWS["grad_cam"]._replace(build=lambda *_: Failing(0.5))
    monkeypatch.setitem(method_rows.METHOD_ROWS, "grad_cam", failing)
    results = evaluate_methods(explainer, data, ["grad_cam", "one"], **FAST)
    assert results["grad_cam"].failure == "RuntimeError: Out of memory"
    assert results["one"].images == 5 and results["one"].failure is None
    table = ComparisonTable(results)
    assert table.failures == ["Grad-CAM failed: RuntimeError: Out of memory"]
    lines = table.markdown(["A note."]).splitlines()
    assert lines[2].startswith("| Grad-CAM | failed | - |")
    assert lines[3].startswith("| all 1 | 5 | 0.")
    assert lines[-1] == table.failures[0] and "A note." in lines
    rows = table.csv().splitlines()
    assert rows[1].startswith("grad_cam,0,RuntimeError: Out of memory,,")
    assert table.json()["grad_cam"]["metrics"]["iou"] is None


@pytest.mark.slow
def test_slow_methods_take_one_image_at_a_time(explainer, data, monkeypatch):
    slow = METHOD_ROWS["zero"]._replace(is_slow=True)
    monkeypatch.setitem(method_rows.METHOD_ROWS, "zero", slow)
    seen = []
    results = evaluate_methods(
        explainer,
        data,
        ["zero", "one"],
        slow_limit=3,
        progress=lambda *step: seen.append(step),
        **FAST,
    )
    assert [n for name, n in seen if name == "zero"] == [1, 2, 3]
    assert [n for name, n in seen if name == "one"] == [2, 4, 5]
    assert results["zero"].images == 3


def test_images_without_labels_or_masks(explainer, data):
    images = [part[0] for part in data]
    results = evaluate_methods(explainer, images, ["grad_cam", "ideal"], **FAST)
    assert results["ideal"].failure == "The data has no true masks"
    assert results["grad_cam"].summary("iou") is None
    assert results["grad_cam"].summary("insertion")["images"] == 5
    assert "iou" not in ComparisonTable(results).metrics


def test_images_without_a_class_are_left_out(explainer, data, controls):
    images, labels, truth = data[0]
    blank = (images[:1], np.zeros((1, 8), "float32"), 0 * truth[:1])
    mixed = tuple(map(np.concatenate, zip((images[:1], labels[:1], truth[:1]), blank)))
    others = (images[1:], labels[1:], truth[1:])
    parted = [blank, mixed, blank, others]
    results = evaluate_methods(explainer, parted, ["random"], **FAST)
    for metric in ("iou", "deletion", "class_discrimination_gap"):
        np.testing.assert_allclose(
            results["random"].values[metric],
            controls["random"].values[metric][:2],
            atol=1e-5,
        )


@pytest.mark.slow
def test_published_protocol(explainer, data, controls):
    results = evaluate_methods(
        explainer, data, ["zero", "half", "ideal"], protocol="published", **FAST
    )
    np.testing.assert_array_equal(results["ideal"].values["iou"], 1)
    # Soft accuracy, whatever the truth.
    np.testing.assert_allclose(results["half"].values["accuracy"], 0.5)
    # The objects have a pixel more on each side.
    wide = 1 - results["zero"].values["accuracy"]
    assert (wide > 1 - controls["zero"].values["accuracy"]).all()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"methods": ["grad_cm"]}, "such as grad_cam.*Received: grad_cm"),
        ({"methods": ["one", "one"]}, "none twice. Received: one,one"),
        ({"methods": []}, "at least one name.*Received: none"),
        ({"protocol": "best"}, "`protocol` should be .*Received: 'best'"),
        ({"slow_limit": 0.5}, "`slow_limit` should be .*Received: 0.5"),
        ({"dataset": []}, "`dataset` should hold at least one.*Received: an empty"),
    ],
)
def test_bad_arguments(explainer, arguments, message):
    arguments = {"dataset": [np.zeros((1, 32, 32, 3))], "methods": ["one"], **arguments}
    with pytest.raises(ValueError, match=message):
        evaluate_methods(explainer, **arguments)


@pytest.mark.slow
def test_resumed_run_has_the_same_background(data, tmp_path):
    # A classifier whose mean colour is not known, and an explainer never fitted.
    explainer = kx.ExplainerModel(tiny_classifier(8, "sigmoid"))
    whole = evaluate_methods(explainer, data, ["random"], folder=tmp_path, **FAST)
    first = {k: v[:2] for k, v in whole["random"].values.items()}
    MethodResult("random", first).save(tmp_path / "random.npz")
    parted = evaluate_methods(explainer, data, ["random"], folder=tmp_path, **FAST)
    for key in ("drop", "saliency", "deletion"):
        np.testing.assert_array_equal(
            parted["random"].values[key], whole["random"].values[key]
        )
    assert explainer.background.to_measure


@pytest.mark.parametrize("size", [1, 2, 5, 40])
def test_the_background_is_of_the_first_images_in_whatever_batches(size):
    explainer = kx.ExplainerModel(tiny_classifier(8, "sigmoid"))
    images = np.random.default_rng(0).uniform(size=(40, 4, 4, 3)).astype("float32")
    labels = np.eye(8, dtype="float32")[np.arange(40) % 8]
    data = [(images[i : i + size], labels[i : i + size]) for i in range(0, 40, size)]
    scorer = evaluation._Scorer(explainer, evaluation.PROTOCOLS["default"], 0.1, 0)
    scorer.choose_background(data)
    expected = images[:32].mean(axis=(0, 1, 2))
    np.testing.assert_allclose(scorer.background.color, expected, atol=1e-6)
