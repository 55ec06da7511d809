"""The commands that recoveries may run, as the operator of this process writes them."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def read_commands(value: Any) -> Any:
    """The table that `value` is, or that it is the JSON of.

    Raises:
        ValueError: It is text and no JSON.
    """
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        raise ValueError('allowed is a JSON object such as {"restart": ["/usr/bin/true"]}') from error


def named_commands(commands: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    """`commands`, if each has a name and a program.

    Raises:
        ValueError: One has not; the words say what is allowed.
    """
    for name, argv in commands.items():
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"allowed as a name are letters, digits, dots, underscores and hyphens, not {name!r}"
            )
        if not argv or not argv[0] or any("\0" in argument for argument in argv):
            raise ValueError(f"allowed for {name} is a list of a program and its arguments")
    return commands
