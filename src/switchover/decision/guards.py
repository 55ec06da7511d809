"""The guards: what may put off an automatic move that the policy wants, in the order in which they are asked.

Each guard is a rule of its own in a module of its own. It looks at the survey and at the move that is wanted, and answers
with a HOLD that says why, or with None when it has nothing against it. A guard never chooses another target.
"""

from collections.abc import Callable

from switchover.decision.blocking import obey_rules, stop_while_paused
from switchover.decision.dwell import settle_first
from switchover.decision.first_sight import wait_for_first_sight
from switchover.decision.gradual import stay_while_paused
from switchover.decision.in_doubt import hold_in_doubt
from switchover.decision.outage import rest_after_outage
from switchover.decision.survey import Survey
from switchover.decision.verdict import Decision

Guard = Callable[[Survey, Decision], Decision | None]

GUARDS: tuple[Guard, ...] = (
    rest_after_outage,
    wait_for_first_sight,
    hold_in_doubt,
    stop_while_paused,
    settle_first,
    obey_rules,
)

STEP_GUARDS: tuple[Guard, ...] = (
    rest_after_outage,
    wait_for_first_sight,
    hold_in_doubt,
    stay_while_paused,
)
"""What may put off the next step of a move: it was bound by the rules when it was made."""


def guarded(survey: Survey, wanted: Decision) -> Decision:
    """`wanted`, or the HOLD of the first guard that is against it; a HOLD that takes no step needs no guard."""
    if not wanted.acts and wanted.step is None:
        return wanted
    guards = GUARDS if wanted.acts else STEP_GUARDS
    return next((held for guard in guards if (held := guard(survey, wanted)) is not None), wanted)
