"""From a saved config to what a constructor takes."""

import copy

import keras


def constructor_arguments(config, custom_objects=None):
    """Returns a config with the Keras objects that it describes in their places.

    Args:
        config: Dict, as `get_config` returns it. It stays as it is, though Keras takes
            the configs of models apart when it reads them.
        custom_objects: Dict of names and classes, or None.

    Returns:
        Dict.
    """
    return {
        key: keras.saving.deserialize_keras_object(copy.deepcopy(value), custom_objects)
        if isinstance(value, dict)
        else value
        for key, value in config.items()
    }
