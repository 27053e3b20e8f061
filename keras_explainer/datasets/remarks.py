"""What is odd in the files of a dataset, counted in warnings."""

import collections
import warnings


class Remarks:
    """What is odd in the files of a dataset but no reason to leave them out.

    Args:
        name: String, the name of the public loader, for messages.
    """

    def __init__(self, name):
        self.name = name
        self.places = collections.defaultdict(set)

    def add(self, kind, place):
        """Notes a place, once, under a kind of oddity such as "empty files"."""
        self.places[kind].add(place)

    def warn(self):
        """Warns once of each kind, with how often it was noted."""
        for kind, places in self.places.items():
            # Not the one that was found first: files are read in parallel.
            warnings.warn(
                f"{self.name}: {len(places)} {kind}, such as {min(places)}",
                stacklevel=3,
            )
        self.places.clear()
