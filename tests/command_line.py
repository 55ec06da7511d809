"""What the fixtures that run commands in this process look like."""

from collections.abc import Callable

Ran = tuple[int, str, str]
"""Exit code, standard output, standard error."""

Runs = Callable[..., Ran]
