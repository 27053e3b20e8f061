"""The LiteRT file: the answers of the explainer, by the LiteRT interpreter."""

import numpy as np
import pytest
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
