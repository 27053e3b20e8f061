"""Parsing of arguments, with errors of one sentence."""

import argparse
import difflib
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
    (r"argument (\S+): (.*)", r"Argument \1 \2"),
)


class CommandParser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser` for commands that explain themselves.

    Args:
        examples: List of strings, shown under the options.
        usual: List of the options that --help shows, so that it fits on a screen; all
            are shown by --help-all. An empty list: --help shows all of them.
        details: String, what only --help-all says beside the description.
        **kwargs: As in `argparse.ArgumentParser`.

    Raises:
        UsageError: On parsing, if an argument is not what it should be.
    """

    def __init__(self, examples=(), usual=(), details="", **kwargs):
        if examples:
            kwargs["epilog"] = "\n".join(["examples:", *(f"  {e}" for e in examples)])
        super().__init__(
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            **kwargs,
        )
        self.usual, self.details = {*usual}, details
        if usual:
            self.add_argument(
                "--help-all", action=_HelpAll, nargs=0, help="show all options and exit"
            )
            self.usual |= {"--help", "--help-all"}
        # A range such as -1..1 and a fraction such as -1/255 are values, no options.
        self._negative_number_matcher = re.compile(r"-\.?\d[\d./e-]*$")

    def parse_args(self, args=None, namespace=None):
        """Parses; a command with a default for `other_arguments` gets those there."""
        args, others = self.parse_known_args(args, namespace)
        if hasattr(args, "other_arguments"):
            args.other_arguments = others
        elif others:
            raise self._unknown(args, others)
        return args

    def _unknown(self, args, others):
        """Returns the error of arguments that the command does not have."""
        parser = self
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                parser = action.choices.get(args.command, self)
        known = [name for action in parser._actions for name in action.option_strings]
        near = difflib.get_close_matches(others[0], known, n=1)
        hint = f" (such as {near[0]})" if near else ""
        flag = "--help-all" if parser.usual else "--help"
        return UsageError(
            f"Arguments should be those of `{parser.prog} {flag}`{hint}. "
            f"Received: {' '.join(others)}"
        )

    def format_help(self):
        """Returns the help of --help: the usual options, and how to see the others."""
        if not self.usual:
            return super().format_help()
        rare = [
            action
            for action in self._actions
            if action.option_strings and not self.usual & {*action.option_strings}
        ]
        shown = [(action, action.help) for action in rare]
        needed = [action for action in self._actions if action.required]
        self.usage = " ".join([self.prog, *map(_usage, needed), "[options]"])
        try:
            for action in rare:
                action.help = argparse.SUPPRESS
            return super().format_help()
        finally:
            self.usage = None
            for action, text in shown:
                action.help = text

    def format_help_all(self):
        """Returns the help of --help-all."""
        description = self.description
        try:
            self.description = "\n\n".join(filter(None, [description, self.details]))
            return super().format_help()
        finally:
            self.description = description

    def error(self, message):
        for pattern, sentence in _SENTENCES:
            if re.fullmatch(pattern, message, re.DOTALL):
                sentence = sentence.replace("{prog}", self.prog)
                raise UsageError(re.sub(pattern, sentence, message, flags=re.DOTALL))
        raise UsageError(message)


class _HelpAll(argparse.Action):
    """Shows the help with all options, as --help does with some."""

    def __call__(self, parser, namespace, values, option_string=None):
        print(parser.format_help_all(), end="")
        parser.exit()


def _usage(action):
    """Returns how an argument that is needed is typed."""
    value = action.metavar or action.dest.upper()
    value = f"{value}..." if action.nargs == "+" else value
    return f"{action.option_strings[0]} {value}" if action.option_strings else value
