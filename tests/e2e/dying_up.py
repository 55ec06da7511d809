"""`switchover up` that kills itself with SIGKILL at a named point of its first move away from an active instance.

    python tests/e2e/dying_up.py POINT [options of `up`]

It is the real thing: the methods of the real store and driver, and around the one in question a kill.
"""

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any

from switchover.cli.main import run
from switchover.model.plan import Plan, Receipt, ReceiptKind
from switchover.record.sql.store import SqlStore
from switchover.record.store import Pass
from switchover.switch.envoy.driver import EnvoyDriver


class Point(StrEnum):
    """Where between intent and outcome it dies."""

    BEFORE_COMMIT = "before-commit"
    AFTER_COMMIT = "after-commit"
    BEFORE_APPLY = "before-apply"
    BETWEEN_BREAK_AND_MAKE = "between-break-and-make"
    AFTER_RECEIPT = "after-receipt"
    BEFORE_CLOSE = "before-close"
    AFTER_CLOSE = "after-close"


FIRST_EPOCH = 1
"""That of the activation, which is no move away."""


def die() -> None:
    """As a power cut would have it."""
    os.kill(os.getpid(), signal.SIGKILL)


def around(
    owner: type[Any],
    name: str,
    *,
    before: Callable[..., bool] = lambda *_: False,
    after: Callable[..., bool] = lambda *_: False,
) -> None:
    """Die before or after a method of `owner` when the condition on its arguments (afterwards: and result) holds."""
    original: Callable[..., Awaitable[Any]] = getattr(owner, name)

    async def wrapped(self: Any, *arguments: Any, **named: Any) -> Any:
        if before(*arguments):
            die()
        result = await original(self, *arguments, **named)
        if after(*arguments, result):
            die()
        return result

    setattr(owner, name, wrapped)


def moves_away(change: Pass) -> bool:
    """Whether a pass takes the traffic from somebody."""
    return change.move is not None and change.move.event.epoch > FIRST_EPOCH


def prepare(point: Point) -> None:
    """Set the trap."""
    match point:
        case Point.BEFORE_COMMIT:
            around(SqlStore, "commit_pass", before=moves_away)
        case Point.AFTER_COMMIT:
            around(SqlStore, "commit_pass", after=lambda change, _: moves_away(change))
        case Point.BEFORE_APPLY:
            around(EnvoyDriver, "apply", before=lambda plan, _: plan.epoch > FIRST_EPOCH)
        case Point.BETWEEN_BREAK_AND_MAKE:
            around(
                EnvoyDriver, "apply", after=lambda plan, _, receipt: not plan.tiers and applied(plan, receipt)
            )
        case Point.AFTER_RECEIPT:
            around(
                EnvoyDriver,
                "apply",
                after=lambda plan, _, receipt: bool(plan.tiers) and applied(plan, receipt),
            )
        case Point.BEFORE_CLOSE:
            around(SqlStore, "close_event", before=lambda event, _: event.epoch > FIRST_EPOCH)
        case Point.AFTER_CLOSE:
            around(SqlStore, "close_event", after=lambda event, *_: event.epoch > FIRST_EPOCH)


def applied(plan: Plan, receipt: Receipt) -> bool:
    """Whether a node has taken the plan of a move."""
    return plan.epoch > FIRST_EPOCH and receipt.kind is ReceiptKind.APPLIED


if __name__ == "__main__":
    prepare(Point(sys.argv[1]))
    sys.exit(run(["up", *sys.argv[2:]]))
