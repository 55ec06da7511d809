"""What the stories of recoveries leave open: orders by people against a pause."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from switchover.decision.recovery import (
    ORDERED_ATTEMPT,
    Begin,
    Rest,
    Try,
    begun,
    is_recovering,
    next_step,
)
from switchover.model.actor import AUTOMATION, Actor, person
from switchover.model.instance import Instance
from switchover.model.observation import Health, InstanceHealth
from switchover.model.policy import FailoverPolicy
from switchover.model.proxy import Proxy
from switchover.model.recovery import Attempt, RecoveryAction, RecoveryActionType, with_attempt

NOW = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = FailoverPolicy(recovery_action=RecoveryAction(type=RecoveryActionType.CALLBACK))
PROXY = Proxy(proxy_id="web", owner_id="ann", policy=POLICY, created_at=NOW, updated_at=NOW)
SICK = Instance(
    instance_id=UUID(int=1),
    proxy_id="web",
    name="a",
    health=InstanceHealth(state=Health.UNHEALTHY, consecutive_failures=3, changed_at=NOW),
    created_at=NOW,
)
ENDED = Attempt(number=1, started_at=NOW, ended_at=NOW, next_at=NOW + timedelta(seconds=5), accepted=True)


@pytest.mark.parametrize(("actor", "step"), [(AUTOMATION, Rest()), (person("ann"), Try(number=2))])
def test_a_pause_stops_what_automation_began_and_not_what_people_did(actor: Actor, step: object) -> None:
    event = with_attempt(begun(PROXY, SICK, UUID(int=9), NOW, actor=actor), ENDED)
    later = NOW + timedelta(seconds=5)
    assert next_step(SICK, event, POLICY, later, is_paused=True) == step
    assert next_step(SICK, event, POLICY, later) == Try(number=2)


def test_of_what_automation_began_a_pause_lets_the_ordered_attempt_pass_alone() -> None:
    event = with_attempt(begun(PROXY, SICK, UUID(int=9), NOW), ENDED)
    ordered = replace(event, evidence={**event.evidence, ORDERED_ATTEMPT: 2})
    later = NOW + timedelta(seconds=5)
    assert next_step(SICK, ordered, POLICY, later, is_paused=True) == Try(number=2)
    made = with_attempt(ordered, replace(ENDED, number=2))
    assert next_step(SICK, made, POLICY, later, is_paused=True) == Rest()


def test_an_attempt_that_never_ended_is_made_again_under_its_number() -> None:
    event = with_attempt(begun(PROXY, SICK, UUID(int=9), NOW), Attempt(number=2, started_at=NOW))
    assert next_step(SICK, event, POLICY, NOW) == Try(number=2)


@pytest.mark.parametrize(
    ("policy", "recovers"),
    [
        (POLICY, True),
        (FailoverPolicy(), False),
        (replace(POLICY, enable_auto_recovery=False), False),
        (replace(POLICY, max_recovery_attempts=0), False),
    ],
)
def test_who_recovers_by_themselves(policy: FailoverPolicy, *, recovers: bool) -> None:
    assert is_recovering(policy) is recovers
    assert next_step(SICK, None, policy, NOW) == (Begin() if recovers else Rest())
