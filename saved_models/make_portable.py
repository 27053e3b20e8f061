"""Makes .keras files of a new Keras fit to be loaded by older ones, in place.

    python saved_models/make_portable.py saved_models/*.keras

A newer Keras writes options into its files that an older one refuses, even where they
have the value that means "as before". Those are left out, so that what is shipped is
loaded by Keras 3.5 and newer. Weights and predictions stay the same to the last bit.
"""

import json
import os
import pathlib
import sys
import zipfile

# Options that Keras 3.5 does not know, and the value that stands for not using them.
NEWER_OPTIONS = {
    "input_axes": None,
    "output_axes": None,
    "quantization_config": None,
    "renorm": False,
    "renorm_clipping": None,
    "renorm_momentum": 0.99,
}


def make_portable(path):
    """Leaves newer options out of a .keras file, and replaces it in one step.

    Args:
        path: str or path of a file that `keras.Model.save` wrote.

    Raises:
        ValueError: If the model uses one of these options, and needs its newer Keras.
    """
    path = pathlib.Path(path)
    portable = path.with_name(f"{path.name}.portable")
    try:
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(portable, "w") as new:
            for entry in old.infolist():
                content = old.read(entry)
                if entry.filename == "config.json":
                    config = without_newer_options(json.loads(content))
                    content = json.dumps(config).encode()
                new.writestr(entry, content)
        os.replace(portable, path)
    finally:
        portable.unlink(missing_ok=True)


def without_newer_options(config):
    """Returns a nested configuration without the options of newer Keras versions."""
    if isinstance(config, list):
        return [without_newer_options(item) for item in config]
    if not isinstance(config, dict):
        return config
    for option, unused in NEWER_OPTIONS.items():
        if config.get(option, unused) != unused:
            raise ValueError(
                f"Option `{option}` should be {unused}, for older versions of Keras do "
                f"not know it. Received: {config[option]!r} in {config.get('name')}"
            )
    return {
        key: without_newer_options(value)
        for key, value in config.items()
        if key not in NEWER_OPTIONS
    }


if __name__ == "__main__":
    for name in sys.argv[1:]:
        make_portable(name)
