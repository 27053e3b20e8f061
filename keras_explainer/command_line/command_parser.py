"""Parsing of arguments, with errors of one sentence."""

import argparse
import re

from keras_explainer.command_line.command_error import UsageError

# What argparse says, and how we say it.
_SENTENCES = (
    (
        r"the following arguments are required: (.*)",
        r"Argument \1 should be given; see `{prog} --help`. Received: nothing",
    ),
    (
        r"one of the arguments (.*) is required",
        r"One of the arguments \1 should be given. Received: none",
    ),
    (
        r"argument (\S+): invalid choice: (.*?) \(choose from (.*)\)",
        r"Argument \1 should be one of \3. Received: \2",
    ),
    (
        r"argument (\S+): not allowed with argument (\S+)",
        r"Argument \1 should not be given together with \2. Received: both",
    ),
    (
        r"argument (\S+): expected .*argument.*",
        r"Argument \1 should be followed by a value. Received: none",
    ),
    (
        r"unrecognized arguments: (.*)",
        r"Arguments should be those of `{prog} --help`. Received: \1",
    ),
    (r"argument (\S+): (.*)", r"Argument \1 \2"),
)


class CommandParser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser` for commands that explain themselves.

    Args:
        examples: List of strings, shown under the options.
        **kwargs: As in `argparse.ArgumentParser`.

    Raises:
        UsageError: On parsing, if an argument is not what it should be.
    """

    def __init__(self, examples=(), **kwargs):
        if examples:
            kwargs["epilog"] = "\n".join(["examples:", *(f"  {e}" for e in examples)])
        super().__init__(
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            **kwargs,
        )
        # A range such as -1..1 and a fraction such as -1/255 are values, no options.
        self._negative_number_matcher = re.compile(r"-\.?\d[\d./e-]*$")

    def parse_args(self, args=None, namespace=None):
        """Parses; a command with a default for `other_arguments` gets those there."""
        args, others = self.parse_known_args(args, namespace)
        if hasattr(args, "other_arguments"):
            args.other_arguments = others
        elif others:
            self.error(f"unrecognized arguments: {' '.join(others)}")
        return args

    def error(self, message):
        for pattern, sentence in _SENTENCES:
            if re.fullmatch(pattern, message, re.DOTALL):
                sentence = sentence.replace("{prog}", self.prog)
                raise UsageError(re.sub(pattern, sentence, message, flags=re.DOTALL))
        raise UsageError(message)
