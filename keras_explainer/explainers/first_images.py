"""What an explainer learns from the first images of `fit`, since nothing else tells."""

import warnings

from keras_explainer.classifiers.batch_statistics import statistics_problem
from keras_explainer.classifiers.saturation import saturation_problem
from keras_explainer.explainers.background_answers import background_problem


def learn_from_first_images(explainer, images):
    """Learns the size that a classifier leaves open, its range, and the background.

    Args:
        explainer: The `BaseExplainer`.
        images: Array or tensor (N, H, W, channels), as the classifier takes them.
    """
    if None in explainer.frozen.input_shape[:2]:
        explainer.frozen.image_shape = tuple(int(size) for size in images.shape[1:])
    unread = explainer.preprocessing.unread_layer
    assumed = explainer.preprocessing.follow(images)
    if unread:
        warnings.warn(
            "Argument `preprocess_input` should say what becomes of pixels, since "
            f"what '{unread}' does to pixels cannot be read. Received: 'auto', "
            f"which is now {explainer.preprocess_input!r}, as the images given are",
            stacklevel=4,
        )
    if assumed is not None:
        explainer.known_range_changed()
        warnings.warn(
            "Images from 0 to 1 are taken for what the classifier takes, though "
            f"its layers are those of `{assumed}`; if that is right, say so by "
            f'`preprocess_input="0..1"`, or else apply `{assumed}`\'s '
            "`preprocess_input` first. Received: values from 0 to 1",
            stacklevel=4,
        )
    if not explainer.preprocessing.is_read:
        problem = assumed is None and statistics_problem(
            explainer.frozen, explainer.preprocessing, images
        )
        problem = problem or saturation_problem(explainer.frozen, images)
        if problem:
            warnings.warn(problem, stacklevel=4)
    if explainer.background.to_measure:
        explainer.background.measure(images)
    problem = background_problem(explainer) if explainer.hides_pixels else None
    if problem:
        warnings.warn(problem, stacklevel=4)
