"""The LiteRT file: the answers of the explainer, by the LiteRT interpreter."""

import numpy as np
import pytest
import trained
from conftest import tiny_classifier
from exported import preprocessed
from exported import raw_images

import keras_explainer as kx

pytestmark = pytest.mark.slow  # many traces, or a server

litert = pytest.importorskip(
    "ai_edge_litert.interpreter", reason="ai-edge-litert is not installed"
)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"activation": "sigmoid", "classes": 1},
        pytest.param(
            {"activation": "sigmoid", "head": "flatten"}, marks=pytest.mark.thorough
        ),
        # Read as probabilities.
        pytest.param({"activation": "hard_sigmoid"}, marks=pytest.mark.thorough),
    ],
)
def test_answers_are_those_of_explain(options, tmp_path):
    classifier = tiny_classifier(**{"classes": 5, **options})
    explainer = kx.ExplainerModel(classifier, preprocess_input="mobilenet")
    path = explainer.export(
        tmp_path / "tiny.tflite",
        format="litert",
        top_k=2,
        mask_size=32,
        relevance=True,
    )
    assert [entry.name for entry in tmp_path.iterdir()] == ["tiny.tflite"]
    interpreter = litert.Interpreter(model_path=str(path))
    assert interpreter.get_signature_list() == {
        "serving_default": {
            "inputs": ["images"],
            "outputs": ["classes", "masks", "probabilities", "relevance", "scores"],
        }
    }
    explain = interpreter.get_signature_runner("serving_default")
    for count in (1, 3):
        images = raw_images(count)
        expected = explainer.explain(preprocessed(images), top_k=2)
        answer = explain(images=images)
        for name, values in answer.items():
            # Its kernels round otherwise, which the votes of cells enlarge.
            atol = 2e-3 if name == "masks" else 1e-4
            np.testing.assert_allclose(values, getattr(expected, name), atol=atol)


def test_a_file_is_never_replaced(tmp_path):
    path = tmp_path / "tiny.tflite"
    path.write_text("as it was")
    explainer = kx.ExplainerModel(tiny_classifier(), preprocess_input="mobilenet")
    with pytest.raises(FileExistsError, match="should be a new file"):
        explainer.export(path, format="litert")
    assert path.read_text() == "as it was"
    with pytest.raises(ValueError, match="should end in .tflite"):
        explainer.export(tmp_path / "tiny", format="litert")


def test_a_mask_is_verified_as_explain_does(trained_explainer, tmp_path):
    explainer = trained_explainer()
    signatures = ["serving_default", "explain_class", "verify_mask"]
    path = explainer.export(
        tmp_path / "patches.tflite",
        format="litert",
        top_k=2,
        mask_size=32,
        signatures=signatures,
        batch_size=1,
    )
    interpreter = litert.Interpreter(model_path=str(path))
    assert sorted(interpreter.get_signature_list()) == sorted(signatures)
    images, *_ = trained.patches(3, seed=3)
    expected = explainer.explain(images, top_k=2, verify=True)
    explain, explain_class, verify = map(interpreter.get_signature_runner, signatures)
    for n, image in enumerate(255.0 * images[:, None]):
        found = explain(images=image)
        np.testing.assert_allclose(found["masks"][0], expected.masks[n], atol=2e-3)
        target = expected.classes[n, :1]
        mask = explain_class(images=image, targets=target)["masks"]
        np.testing.assert_allclose(mask[0], expected.masks[n, ..., 0], atol=2e-3)
        proof = verify(images=image, masks=mask, targets=target)
        for name in ("kept_scores", "removed_scores"):
            score = getattr(expected, name)[n, 0]
            np.testing.assert_allclose(proof[name], [score], atol=2e-3)
        # The classifier keeps its answer, and loses it without the patch.
        assert proof["kept_scores"] > 0.8 > 0.5 > proof["removed_scores"]
        color = 255.0 * np.asarray(explainer.background.color)
        kept = color + mask[0, ..., None] * (image[0] - color)
        np.testing.assert_allclose(proof["kept"][0], np.clip(kept, 0, 255), atol=0.5)
        # Nothing of the patch is left, and all around it.
        outside = mask[0] < 0.001
        difference = abs(proof["removed"] - image)[0].mean(-1)
        assert difference[outside].max() < 0.5 < 20 < difference[mask[0] > 0.9].mean()


@pytest.mark.parametrize(
    "options, problem",
    [
        ({"signatures": []}, "`signatures` should be a list of some of"),
        ({"signatures": ["explain_bytes"]}, "`signatures` should be a list of some"),
        ({"batch_size": 0}, "`batch_size` should be a whole number from 1"),
    ],
)
def test_bad_options_are_named(options, problem, tmp_path):
    explainer = kx.ExplainerModel(tiny_classifier(), preprocess_input="mobilenet")
    with pytest.raises(ValueError, match=problem):
        explainer.export(tmp_path / "tiny.tflite", format="litert", **options)
    assert not list(tmp_path.iterdir())
