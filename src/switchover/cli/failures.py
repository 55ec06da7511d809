"""What a command ends with when it could not do its work: one clear message and an exit code."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the shell sees."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    INTERRUPTED = 130
    BROKEN_PIPE = 141


EXIT_CODES_HELP = (
    "Exit codes: 0 done; 1 it failed; 2 wrong usage or invalid input (nothing was changed); "
    "3 the server cannot be reached; 130 interrupted."
)


class CommandFailed(Exception):  # noqa: N818 - it says what happened, as the errors of the model do
    """The command could not do its work.

    Attributes:
        message: One line, or one line per problem; for a person, without a secret.
        exit_code: What the shell sees.
    """

    def __init__(self, message: str, exit_code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code


def wrong_usage(message: str) -> CommandFailed:
    """The command was given something that cannot be; nothing was changed."""
    return CommandFailed(message, ExitCode.USAGE)
