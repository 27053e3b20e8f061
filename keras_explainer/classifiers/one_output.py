"""The one output to explain, of a classifier that has several."""

import keras

from keras_explainer.keras_internals import output_keys


def one_output(classifier, output):
    """Returns a model of one of the outputs of a classifier.

    Args:
        classifier: A functional `keras.Model`.
        output: String, the key of the output or the name of its layer, or int, its
            place among `classifier.outputs`. None takes the classifier as it is.

    Returns:
        A functional `keras.Model` of the same layers, or the classifier itself.

    Raises:
        ValueError: If it has no such output.
    """
    if output is None:
        return classifier
    tensors = getattr(classifier, "outputs", None) or []
    names = list(getattr(classifier, "output_names", ()))
    places = {name: place for place, name in enumerate(names)}
    places.update((key, i) for i, key in enumerate(output_keys(classifier)))
    place = places.get(output, output)
    is_place = type(place) is int and 0 <= place < len(tensors)
    if not is_place:
        known = f"one of {sorted(places)}" if places else "None"
        raise ValueError(
            f"Argument `output` should be {known}, or a place among the outputs of the "
            f"classifier. Received: {output!r}"
        )
    if len(tensors) == 1:
        return classifier
    return keras.Model(classifier.inputs, tensors[place], name=classifier.name)
