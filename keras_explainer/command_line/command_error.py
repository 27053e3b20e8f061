"""What a user is told, in one sentence, instead of a traceback."""


class CommandError(Exception):
    """Something failed that the user can do something about."""

    exit_code = 1


class UsageError(CommandError):
    """An argument is not what it should be."""

    exit_code = 2


class Interrupted(CommandError):
    """The user pressed Ctrl-C; the message says how to go on."""

    exit_code = 130


class Terminated(Interrupted):
    """The process was asked to end (SIGTERM); the message says how to go on."""

    exit_code = 143
