"""The recoveries of a scenario: every call is answered at once, and chance is left out."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from switchover.decision.recovery import Begin, End, Rest, Try, begun, most_attempts, next_step
from switchover.decision.view import View
from switchover.model.events import FailoverEvent, close
from switchover.model.recovery import Attempt, pause_seconds, with_attempt

Tell = Callable[[str, str], None]


class Recoveries:
    """Every instance's newest recovery."""

    def __init__(self, tell: Tell, moment_of: Callable[[datetime], str]) -> None:
        self._tell = tell
        self._moment_of = moment_of
        self._latest: dict[UUID, FailoverEvent] = {}

    def look(self, view: View, now: datetime) -> datetime | None:
        """Do what is due about every instance; when to look again."""
        again: list[datetime] = []
        for instance in sorted(view.instances, key=lambda i: i.preference):
            while True:
                latest, policy = self._latest.get(instance.instance_id), view.proxy.policy
                match next_step(instance, latest, policy, now, is_paused=bool(view.safety.pauses(now))):
                    case Rest(until=until):
                        again += [] if until is None else [until]
                        break
                    case Begin():
                        event = begun(view.proxy, instance, UUID(int=len(self._latest) + 1), now)
                        self._tell("recovery", f"{instance.name} begins: {event.reason}")
                    case Try(number=number):
                        assert latest is not None
                        pause = pause_seconds(policy.recovery_backoff_seconds, number, 0.0)
                        attempt = Attempt(number=number, started_at=now, ended_at=now, detail="status 202")
                        event = with_attempt(
                            latest, replace(attempt, next_at=now + timedelta(seconds=pause), accepted=True)
                        )
                        due = self._moment_of(now + timedelta(seconds=pause))
                        told = f"{instance.name} attempt {number} of {most_attempts(policy)}; next {due}"
                        self._tell("recovery", told)
                    case End(closing=closing):
                        assert latest is not None
                        event = close(latest, closing)
                        why = f": {event.error_message}" if event.error_message else ""
                        self._tell("recovery", f"{instance.name} {event.status.value}{why}")
                self._latest[instance.instance_id] = event
        return min(again, default=None)
