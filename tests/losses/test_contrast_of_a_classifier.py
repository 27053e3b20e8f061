"""What contrast makes of a trained classifier's features, where outlines are known.

Cells of one size alone may prefer masks that are too large: those of 4 pixels did here.
"""

import numpy as np
import pytest
import trained
from keras import ops

from keras_explainer.classifiers.frozen_classifier import FrozenClassifier
from keras_explainer.losses import contrast_loss


def moved_out(masks, pixels):
    """Returns masks (N, H, W) whose outlines lie further out, or in if negative."""
    if pixels < 0:
        return 1.0 - moved_out(1.0 - masks, -pixels)
    wide = ops.max_pool(masks[..., None], 2 * pixels + 1, 1, padding="same")
    return np.asarray(wide)[..., 0]


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
@pytest.mark.parametrize("pixels", [-4, -2, 2, 4])
def test_true_outlines_are_better_than_others(trained_classifier, kind, pixels):
    images, _, truth = trained.patches(64, kind, seed=3)
    objects = truth.max(axis=-1)
    frozen = FrozenClassifier(trained_classifier(kind), finest_stride=4)
    maps = frozen.outline_features(images)
    assert len(maps) == 2
    true, other = (
        np.asarray(contrast_loss(masks, maps, reduction="none"))
        for masks in (objects, moved_out(objects, pixels))
    )
    assert np.mean(true < other) > 0.75
