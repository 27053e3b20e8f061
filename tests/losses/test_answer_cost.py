"""What a label costs a classifier where it sees nothing, the classification's unit."""

import numpy as np
import pytest

from keras_explainer.losses import ExplainerLoss
from keras_explainer.losses import StepOutputs
from keras_explainer.losses import classification_loss
from keras_explainer.losses.classifier_terms import answer_cost


def classification(nothing, kept, label, multi_label, loss=None):
    """The term of one image of one label, whose masks say nothing here."""
    mask = np.ones((1, 2, 2), "float32")
    step = StepOutputs(
        *(None, np.float32(label)[None], None, mask, mask, mask, None),
        *(np.float32(label)[None], multi_label, np.float32(kept)[None]),
        background_logits=np.float32(nothing)[None],
    )
    return float((loss or ExplainerLoss(classification_weight=1.0)).of_kept(step)[0])


@pytest.mark.parametrize("multi_label", [True, False])
def test_it_is_the_mean_cost_of_each_class_as_the_only_label(multi_label):
    logits = np.random.default_rng(0).normal(0, 5, (2, 7)).astype("float32")
    labels = np.eye(7, dtype="float32")
    expected = [
        np.mean(classification_loss(np.tile(row, (7, 1)), labels, multi_label, True))
        for row in logits
    ]
    np.testing.assert_allclose(answer_cost(logits, multi_label), expected, rtol=1e-5)


@pytest.mark.parametrize("multi_label", [True, False])
@pytest.mark.parametrize("classes", [2, 8, 1000])
def test_no_answer_makes_it_vanish(classes, multi_label):
    """Nothing is divided by 0, whatever a classifier sees in its background."""
    random = np.random.default_rng(0)
    one = np.where(np.arange(classes) == 1, 60.0, -60.0)
    for logits in (one, np.full(classes, 60.0), random.normal(0, 9, classes)):
        cost = float(answer_cost(np.float32(logits)[None], multi_label)[0])
        assert np.log(classes) * 0.9999 <= cost < np.inf


@pytest.mark.parametrize("multi_label", [True, False])
@pytest.mark.parametrize("classes", [2, 8, 1000])
@pytest.mark.parametrize("sureness", [0.0, 5.0])
def test_a_lost_answer_weighs_the_same_of_every_classifier(
    sureness, classes, multi_label
):
    nothing = sureness * np.random.default_rng(0).normal(size=classes)
    labels = np.eye(classes, dtype="float32")
    of_each = [classification(nothing, nothing, row, multi_label) for row in labels]
    assert np.mean(of_each) == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize("sureness", [0.0, 30.0])
def test_published_and_former_losses_stay_in_nats(sureness):
    nothing, kept = np.full(3, sureness), [2.0, 0.0, 0.0]
    published = ExplainerLoss.published("voc2007", "vgg16")
    config = ExplainerLoss(classification_weight=0.4).get_config()
    del config["classification_in_nats"]
    former = ExplainerLoss.from_config(config)
    again = ExplainerLoss.from_config(former.get_config())
    nats = np.log(np.exp(2) + 2) - 2
    for loss, expected in (
        (published, nats),
        (former, 0.4 * nats),
        (again, 0.4 * nats),
    ):
        found = classification(nothing, kept, [1, 0, 0], False, loss)
        assert found == pytest.approx(expected, rel=1e-5)
        assert not loss.reads_background
