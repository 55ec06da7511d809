"""Where results and errors go, and what a foreign text may do to the terminal (nothing)."""

import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_PLAIN_WIDTH = 10_000


def results() -> Console:
    """Standard output. Colours and the terminal's width only on a terminal; a pipe gets whole, plain lines."""
    return _console(stderr=False)


def complaints() -> Console:
    """Standard error, under the same rules."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    terminal = stream.isatty()
    return _PipeConsole(
        stderr=stderr,
        width=None if terminal else _PLAIN_WIDTH,
        no_color=None if terminal else True,
        force_terminal=terminal,
        highlight=False,
        soft_wrap=not terminal,
        markup=False,
        emoji=False,
    )


class _PipeConsole(Console):
    def on_broken_pipe(self) -> None:
        # Rich would end the process here; `main` knows the exit code of a reader that went away.
        raise BrokenPipeError


def printable(text: object) -> str:
    """`text` without anything that a terminal would obey: control characters are shown as escapes, line ends as spaces."""
    return "".join(
        c if c.isprintable() else (" " if c in "\n\r\t" else c.encode("unicode_escape").decode("ascii"))
        for c in str(text)
    )


def styled(text: object, style: str = "") -> Text:
    """A foreign text, made harmless, in `style`."""
    return Text(printable(text), style=style)


def say(text: object) -> None:
    """One line of result."""
    sys.stdout.write(f"{printable(text)}\n")


def complain(text: str) -> None:
    """One line on standard error."""
    complaints().print(styled(text), soft_wrap=True)


def print_json(value: Any) -> None:
    """A result for machines: JSON, indented, and not one byte besides."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


_FOLDED = frozenset({"PROXY", "INSTANCE", "INSTANCES", "ACTIVE", "ADDRESS", "FROM", "TO"}) | {
    *("LAST MOVE", "LAST PROBE", "REASON", "FLAPS")
}


def plain_table(*columns: str) -> Table:
    """A plain table. Names, addresses and sentences are folded where room is short, words and numbers never."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, no_wrap=column not in _FOLDED, overflow="fold")
    return table
