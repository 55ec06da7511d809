"""The Protocol of this room: somebody who is called to bring an instance back."""

from typing import Protocol

from switchover.model.recovery import RecoveryAnswer, RecoveryCall

MOST_DETAIL_CHARACTERS = 500
"""How much of an answer is kept."""


class Recoverer(Protocol):
    """Makes one kind of call."""

    async def recover(self, call: RecoveryCall) -> RecoveryAnswer:
        """Make the call and wait for its answer, within a bound of its own.

        Whatever goes wrong is an answer that was not accepted; nothing is raised. A call may come twice with the same
        key: whoever made it may have died before its answer was on record. A cancelled call leaves nothing of ours
        running.
        """


def shortened(text: str) -> str:
    """`text` on one line, its control characters made visible, at most `MOST_DETAIL_CHARACTERS` long."""
    line = " ".join(text.split())
    plain = "".join(c if c.isprintable() else "�" for c in line)
    return plain if len(plain) <= MOST_DETAIL_CHARACTERS else plain[: MOST_DETAIL_CHARACTERS - 1] + "…"
