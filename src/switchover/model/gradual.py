"""Moves in steps: what people decided about them, and how far one has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from uuid import UUID

WHOLE = 100
MOST_STEPS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class GradualPolicy:
    """How failbacks and ordered switchovers give the traffic to their target in steps.

    Attributes:
        steps: The target's share after each step, in percent: rising, 1 to 100, the last one 100, at most `MOST_STEPS`.
        dwell_seconds: How long each step but the last lasts at least, above 0.
        max_error_rate: Of the target's requests since a step began, more errors than this share abort the move; 0 to 1.
        min_requests: With fewer requests since then their errors say nothing, 1 or more.
    """

    steps: tuple[int, ...] = (5, 25, 100)
    dwell_seconds: float = 30.0
    max_error_rate: float = 0.05
    min_requests: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class GradualMove:
    """How far a move in steps has come.

    Attributes:
        source_instance_id: Who carries what the target does not yet.
        target_instance_id: The active.
        steps: The target's shares, as the policy had them when the move began.
        step: Which of them is in force, from 0.
        since: When it began (wall clock, UTC).
        requests: The target's requests, as counted by then.
        failures: Of those, errors.
    """

    source_instance_id: UUID
    target_instance_id: UUID
    steps: tuple[int, ...]
    step: int = 0
    since: datetime
    requests: int = 0
    failures: int = 0

    @property
    def share(self) -> int:
        """The target's share now, in percent."""
        return self.steps[self.step]

    @property
    def is_stepping(self) -> bool:
        """Whether there is another step to come."""
        return self.step + 1 < len(self.steps)


def steps_problem(steps: Sequence[int]) -> str | None:
    """What is wrong with the shares together, each being from 1 to 100; None when nothing is."""
    if not steps or steps[-1] != WHOLE:
        return f"the last step must be {WHOLE}: a move ends with all of the traffic at its target"
    if any(later <= earlier for earlier, later in pairwise(steps)):
        return "each step must be more than the one before: a share only grows"
    return None
