"""How files of earlier versions are read: the loss's weights, and what a step draws."""

import keras
import numpy as np
import pytest

from keras_explainer.losses import ExplainerLoss
from keras_explainer.losses import classification_loss
from keras_explainer.losses.former_config import compile_config_of_now
from keras_explainer.losses.former_config import loss_config_of_now


@pytest.mark.parametrize("multi_label", [True, False])
def test_weights_of_earlier_versions_mean_the_same_for_images_of_one_label(multi_label):
    """They weighed a mean over independent classes, and entropy by the classifier."""
    now = ExplainerLoss().get_config()
    earlier = {k: v for k, v in now.items() if k != "classification_per_label"}
    earlier.update(classification_weight=1.5, entropy_weight="auto")
    found = ExplainerLoss.from_config(
        loss_config_of_now(earlier, (14, 14), 8, multi_label)
    )
    assert found.entropy_weight == 1.0 - multi_label
    logits, labels = np.random.normal(size=(1, 8)), np.eye(8)[[3]]
    value = found.classification_weight * classification_loss(
        logits, labels, multi_label, per_label=True
    )
    former = 1.5 * classification_loss(logits, labels, multi_label)
    np.testing.assert_allclose(value, former, rtol=1e-6)
    again = ExplainerLoss.from_config(found.get_config())
    assert again.get_config() == found.get_config()


def test_a_smoothness_of_earlier_versions_means_the_same_at_its_grid():
    loss = ExplainerLoss()
    config = loss.get_config()
    assert ExplainerLoss.from_config(config).smoothness_weight == 0.0385
    earlier = {k: v for k, v in config.items() if k != "smoothness_in_sides"}
    earlier["smoothness_weight"] = 0.5
    # Its default, and that of now.
    found = ExplainerLoss.from_config(earlier).smoothness_weight
    assert found == pytest.approx(loss.smoothness_weight, rel=0.01)
    found = loss_config_of_now(earlier, (8, 8))["smoothness_weight"]
    assert found == pytest.approx(0.5 / 7)
    found = loss_config_of_now(earlier, (6, 21))["smoothness_weight"]
    assert found == pytest.approx(0.05)
    again = loss_config_of_now(config, (8, 8))
    assert again == config and ExplainerLoss.from_config(again).get_config() == config
    # The authors' terms were never of the grid.
    published = ExplainerLoss.published("voc2007", "vgg16").get_config()
    del published["smoothness_in_sides"]
    assert ExplainerLoss.from_config(published).smoothness_weight == 1.0


def test_options_of_earlier_versions_are_read():
    config = {
        **ExplainerLoss(area_weight=1.0).get_config(),
        **{"rest_weight": 0.5, "alone": 0.3, "degraded": 0.0, "inpaint": True},
        **{"min_area": 0.1, "max_area": 0.2},
    }
    del config["area_band"], config["contrast_weight"]
    assert ExplainerLoss.from_config(config).area_band == (0.1, 0.2)
    assert ExplainerLoss.from_config(config).contrast_weight == 0.0
    config["area_weight"] = 0.0
    assert ExplainerLoss.from_config(config).area_band is None


def test_what_the_loss_said_of_a_step_is_read_by_compile():
    """Composites and crops came later; what is said now goes before."""
    options = {"smoothness_weight": 0.5, "alone": 0.3, "degraded": 0.1, "inpaint": True}
    loss = {"class_name": "ExplainerLoss", "config": options}
    found = compile_config_of_now({"loss": loss, "run_eagerly": True}, (8, 8), 3, True)
    loss = found.pop("loss")
    assert loss["class_name"] == "ExplainerLoss"
    assert loss["config"] == loss_config_of_now(options, (8, 8), 3, True)
    drawn = {"single_label": 0.3, "augmentation": 0.1, "inpainting": True}
    new = {"composites": 0.0, "crops": 0.0}
    assert found == {**drawn, **new, "run_eagerly": True}
    now = {"loss": None, "composites": 0.5, "crops": 0.3, "single_label": 0.2}
    assert compile_config_of_now(now, (8, 8), 3, True) == now
    function = {"loss": keras.saving.serialize_keras_object(ExplainerLoss.published)}
    found = compile_config_of_now(function, (8, 8), 3, True)
    assert found == {**function, **new}
