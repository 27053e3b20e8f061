"""Every class that Keras finds by its name makes the round trip of its config."""

import importlib
import inspect
import json

import keras
import numpy as np
import pytest
from conftest import tiny_classifier

import keras_explainer as kx
from keras_explainer import layers
from keras_explainer import losses
from keras_explainer import metrics
from keras_explainer import saved_classes

PACKAGE = "keras_explainer"
for place in saved_classes.PLACES.values():
    importlib.import_module(f"{PACKAGE}.{place.partition(':')[0]}")
REGISTERED = {
    name.partition(">")[2]: value
    for name, value in keras.saving.get_custom_objects().items()
    if name.startswith(f"{PACKAGE}>")
    and name.partition(">")[2] not in saved_classes.FORMER_NAMES
}
# By name, what the constructors of all of them cannot do without.
NEEDED = {
    "classifier": lambda: tiny_classifier(size=16),
    "backbone": lambda: tiny_classifier(size=16, name="backbone"),
    "color": lambda: [0.25, 0.5, 0.75],
    "channels": lambda: 3,
    "num_classes": lambda: 3,
    "finest_stride": lambda: 2,
    "grid": lambda: 4,
    "function": lambda: keras.activations.relu,
    "activation": lambda: "softmax",
    "outputs": lambda: 3,
}


def made(cls):
    """Makes one of a class, whatever its constructor asks for."""
    parameters = inspect.signature(cls).parameters.values()
    needed = [p.name for p in parameters if p.default is p.empty and p.kind < 4]
    needed = [name for name in needed if name not in ("args", "kwargs")]
    unknown = set(needed) - set(NEEDED)
    assert not unknown, f"{cls.__name__} needs {unknown}: add them to NEEDED"
    return cls(**{name: NEEDED[name]() for name in needed})


def written(config):
    return json.loads(json.dumps(config))


def test_all_public_classes_that_are_saved_are_registered():
    public = [vars(module) for module in (kx, layers, losses, metrics)]
    kinds = (keras.Layer, keras.metrics.Metric, losses.ExplainerLoss.__mro__[1])
    for names in public:
        for value in names.values():
            if isinstance(value, type) and issubclass(value, kinds):
                assert value in REGISTERED.values(), value


@keras.saving.register_keras_serializable(package="tests")
class Holder(keras.Model):
    """A model that holds a layer or another model, to be saved with it."""

    def __init__(self, held, **kwargs):
        super().__init__(**kwargs)
        self.held = held

    def get_config(self):
        return {"held": keras.saving.serialize_keras_object(self.held)}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config["held"]))


def check_round_trip(first, path):
    """Takes something through its config, its serialized form, and a file with weights.

    Args:
        first: An instance of a registered class.
        path: Path of a new `.keras` file.
    """
    cls = type(first)
    # As in a file, where tuples are lists.
    config, saved = map(
        written, (first.get_config(), keras.saving.serialize_keras_object(first))
    )
    again = cls.from_config(config)
    assert type(again) is cls and written(again.get_config()) == config
    assert saved["registered_name"].startswith(f"{PACKAGE}>")
    loaded = keras.saving.deserialize_keras_object(saved)
    assert type(loaded) is cls and written(loaded.get_config()) == config
    if not isinstance(first, keras.Layer):
        return
    random = np.random.default_rng(0)
    for weight in first.weights:
        if "float" in keras.backend.standardize_dtype(weight.dtype):
            weight.assign(random.uniform(size=weight.shape))
    Holder(first).save(path)
    loaded = keras.saving.load_model(path, compile=False).held
    assert type(loaded) is cls and len(loaded.weights) == len(first.weights)
    for mine, other in zip(first.weights, loaded.weights):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.filterwarnings("ignore:You are saving a model that has not yet been built")
@pytest.mark.parametrize("name", REGISTERED)
def test_config_and_state_make_the_round_trip(name, tmp_path):
    check_round_trip(made(REGISTERED[name]), tmp_path / "holder.keras")


def numbers_of(cls):
    """Yields the options of a constructor that are numbers, each with another value."""
    for name, parameter in inspect.signature(cls).parameters.items():
        value = parameter.default
        if isinstance(value, bool):
            yield name, not value
        elif isinstance(value, int):
            yield name, value + 1
        elif isinstance(value, float):
            yield name, 0.75 * value + 0.1


@pytest.mark.parametrize("name", REGISTERED)
def test_every_number_given_is_in_the_config(name):
    cls = REGISTERED[name]
    if issubclass(cls, keras.Layer) or cls.__name__ == "Head":
        return  # Their options depend on one another; each has tests of its own.
    for option, value in numbers_of(cls):
        config = cls(**{option: value}).get_config()
        assert config[option] == value, option
        assert cls.from_config(written(config)).get_config()[option] == value, option


def test_options_other_than_the_defaults_are_kept():
    background = REGISTERED["Background"](2.0, 3, name="sky")
    again = type(background).from_config(background.get_config())
    np.testing.assert_array_equal(again.color, [2.0] * 3)
    assert again.name == "sky" and not again.to_measure
    measured = REGISTERED["Background"]("mean", 1)
    assert type(measured).from_config(measured.get_config()).to_measure
    classifier = tiny_classifier(activation=None, size=16)
    frozen = REGISTERED["FrozenClassifier"](classifier, True, 4)
    again = type(frozen).from_config(frozen.get_config())
    assert again.multi_label is True and again.finest_stride == 4
    again.classifier.set_weights(frozen.classifier.get_weights())
    images = np.ones((1, 16, 16, 3), "float32")
    np.testing.assert_array_equal(again.logits(images), frozen.logits(images))
