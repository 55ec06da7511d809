"""Which settings a file of deploy/ names, and which there are."""

import re

from switchover.app.settings import PREFIX, Settings

NAME = re.compile(rf"\b{PREFIX}[A-Z0-9_]+\b")


def named_in(text: str) -> frozenset[str]:
    """The variables of ours that a text names."""
    return frozenset(NAME.findall(text))


def settings_that_exist() -> frozenset[str]:
    """The variables that a process reads."""
    return frozenset(f"{PREFIX}{name.upper()}" for name in Settings.model_fields)
