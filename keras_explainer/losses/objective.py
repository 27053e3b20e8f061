"""What objectives have in common: options with checks, saved with the explainer."""


class Objective:
    """An objective of named terms, whose options are numbers from 0.

    Args:
        **options: Each becomes an attribute; those that end in `_share` are at most 1.

    Raises:
        ValueError: If an option is no such number.
    """

    TERMS = ()
    # Whether a step should hand it the classifier's features of its images, and its
    # answer to the background alone.
    reads_features = reads_background = False

    def __init__(self, **options):
        for name, value in options.items():
            most = 1 if name.endswith("_share") else float("inf")
            number = isinstance(value, (int, float)) and 0 <= value <= most
            if not number or value == float("inf"):
                end = " to 1" if most == 1 else ""
                raise ValueError(
                    f"Argument `{name}` should be a number from 0{end}. "
                    f"Received: {value!r}"
                )
        self._options = {}
        self._keep(**options)

    def _keep(self, **options):
        """Sets attributes that `get_config` returns, for options of another kind."""
        for name, value in options.items():
            setattr(self, name, value)
        self._options.update(options)

    def get_config(self):
        return dict(self._options)

    @classmethod
    def from_config(cls, config):
        return cls(**config)
