"""Why a replica does not believe what it sees. `in_doubt.py` has the guard, `control/outlook.py` what raises a doubt."""

from collections.abc import Mapping
from dataclasses import dataclass

from switchover.decision.reasons import Reason, sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """One doubt.

    Attributes:
        reason: `MANY_FAIL`, `LOOP_LAGS` or `REFERENCES_FAIL`.
        facts: The numbers that the reason's sentence names.
    """

    reason: Reason
    facts: Mapping[str, int | float | str]

    def __str__(self) -> str:
        return sentence(self.reason, self.facts)
