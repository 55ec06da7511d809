"""What a scenario asks to see of its proxy, line by line."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from uuid import UUID

from tests.scenarios import scenario_trace as trace

from switchover.decision.damping import damping_of
from switchover.decision.evaluate import evaluate
from switchover.decision.plan import plan_of
from switchover.decision.redundancy import redundancy_of, standing_of
from switchover.decision.survey import survey
from switchover.decision.view import View


def shown(
    verb: str, view: View, now: datetime, names: Mapping[UUID, str], moment_of: Callable[[datetime], float]
) -> Iterator[str]:
    """The lines that `verb` asks for; `moment_of` gives a time in the seconds of the scenario."""
    match verb:
        case "evaluate":
            yield trace.decision_words(evaluate(view, now), names)
        case "candidates":
            yield from trace.candidate_words(survey(view, now).candidates)
        case "plan":
            yield trace.plan_words(plan_of(view), names)
        case "flaps":
            for instance in sorted(view.instances, key=lambda i: i.preference):
                damping = damping_of(instance, view.moves, view.proxy.policy, now)
                until = None if damping.until is None else moment_of(damping.until)
                yield trace.flap_words(instance.name, damping, until)
        case "redundancy":
            yield trace.redundancy_words(redundancy_of(view, previous=None, now=now), names)
        case _:
            for instance in sorted(view.instances, key=lambda i: i.preference):
                yield f"{instance.name} {standing_of(instance, view).value}"
