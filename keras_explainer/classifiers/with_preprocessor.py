"""Classifiers that carry their preprocessing beside them, as those of KerasHub do."""

import keras


def with_preprocessor(classifier):
    """Returns a model that answers for an image as `classifier.predict` does.

    A classifier of KerasHub has a `preprocessor`, which its `predict` applies and its
    `call` does not; as a first layer it is a part of what is explained.

    Args:
        classifier: `keras.Model`, or anything else, which is returned as it is.

    Returns:
        A functional `keras.Model`, or the classifier itself if its `predict` is that
        of Keras or it has no preprocessor.
    """
    preprocessor = getattr(classifier, "preprocessor", None)
    if not isinstance(classifier, keras.Model) or not callable(preprocessor):
        return classifier
    if type(classifier).predict is keras.Model.predict:
        return classifier
    shape = classifier.input_shape[1:]
    if None in shape[:2]:
        shape = (*_size_of(preprocessor), shape[2])
    images = keras.Input(shape, name="images")
    spec = keras.KerasTensor((None, *shape), classifier.inputs[0].dtype)
    return keras.Model(
        images,
        classifier(_FirstLayer(preprocessor, spec)(images)),
        name=classifier.name,
    )


class _FirstLayer(keras.layers.Layer):
    """A preprocessor, which is made for `tf.data`, as a layer."""

    def __init__(self, preprocessor, spec):
        super().__init__(name="preprocessor", autocast=False)
        self.spec = spec
        self._function = lambda images: preprocessor(images)
        self.built = True

    def call(self, images):
        return keras.ops.cast(self._function(images), self.spec.dtype)

    def compute_output_spec(self, images):
        return self.spec


def _size_of(preprocessor):
    size = getattr(preprocessor, "image_size", None)
    if size is None:
        size = getattr(getattr(preprocessor, "image_converter", None), "image_size", 0)
    return size or (None, None)
