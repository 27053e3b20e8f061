"""A classifier that sees its classes where there is nothing to see is told of."""

import warnings

import numpy as np
import pytest
import trained

import keras_explainer as kx
from keras_explainer.explainers.background_answers import background_problem


def fit(explainer, kind="softmax"):
    images, labels, _ = trained.patches(8, kind)
    explainer.fit(images, labels, batch_size=8, verbose=0)


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "kind",
    [
        "softmax",
        pytest.param("sigmoid", marks=pytest.mark.slow),
        pytest.param("one unit", marks=pytest.mark.slow),
    ],
)
def test_a_class_seen_in_the_background_is_named(trained_classifier, kind):
    classifier = trained_classifier(kind)
    explainer = kx.DiscreteMaskExplainer(classifier, grid=4)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Argument `background`", UserWarning)
        fit(explainer, kind)
    bias = classifier.layers[-1].bias
    bias.assign(bias + 20.0 * np.eye(bias.shape[0])[0])
    name = "class 1" if kind == "one unit" else "class 0"
    with pytest.warns(
        UserWarning, match=rf"`background` should .*sees {name} \(1.00\)"
    ):
        fit(explainer, kind)


@pytest.mark.slow
def test_that_a_binary_classifier_says_no_is_as_it_should_be(trained_classifier):
    classifier = trained_classifier("one unit")
    classifier.layers[-1].bias.assign([-20.0])
    assert background_problem(kx.ExplainerModel(classifier, background=0.5)) is None


def test_a_color_beyond_all_images_is_told(trained_classifier):
    options = {"preprocess_input": "0..1", "background": 127}
    explainer = kx.ExplainerModel(trained_classifier(), **options)
    problem = background_problem(explainer)
    assert problem.endswith("range, [0, 1]. Received: 127, 127, 127")


def test_another_color_mends_it(trained_classifier):
    classifier = trained_classifier()
    names = trained.NAMES
    green = [float(value) for value in trained.COLORS[1]]
    explainer = kx.ExplainerModel(classifier, background=green, class_names=names)
    assert "sees green (1.00)" in background_problem(explainer)
    explainer = kx.ExplainerModel(classifier, background=0.5, class_names=names)
    assert background_problem(explainer) is None


@pytest.mark.usefixtures("eager")
def test_what_hides_no_pixels_has_no_background(trained_classifier):
    classifier = trained_classifier()
    classifier.layers[-1].bias.assign([20.0, 0.0, 0.0])
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Argument `background`", UserWarning)
        fit(kx.BoundedLogitAttentionExplainer(classifier))


@pytest.mark.usefixtures("eager")
def test_the_warning_names_the_line_that_fits(trained_classifier):
    classifier = trained_classifier()
    classifier.layers[-1].bias.assign([20.0, 0.0, 0.0])
    explainer = kx.DiscreteMaskExplainer(classifier, grid=4)
    with pytest.warns(UserWarning, match="`background`") as caught:
        fit(explainer)
    told = [w for w in caught if "`background`" in str(w.message)]
    assert [w.filename for w in told] == [__file__]
