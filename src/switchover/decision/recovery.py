"""What should be done next to bring one instance back.

A recovery is apart from the moves of its proxy: neither waits for the other. It belongs to one run of being UNHEALTHY,
is completed by the next healthy verdict, and where every attempt was in vain none is begun a second time in that run,
except by an operator.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from switchover.model.actor import AUTOMATION, Actor
from switchover.model.events import Closing, EventStatus, EventType, FailoverEvent, Stages, Trigger
from switchover.model.instance import AdminState, Instance
from switchover.model.observation import Health
from switchover.model.policy import FailoverPolicy
from switchover.model.proxy import Proxy
from switchover.model.recovery import RecoveryActionType, attempts_of

INSTANCE_UNHEALTHY = "instance_unhealthy"
ORDERED = "manual"

ORDERED_ATTEMPT = "orderedAttempt"
"""In an event's evidence: the attempt that an operator asked for, which no pause of the automation stops."""

_IN_VAIN = "not healthy after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Nothing is to be done before `until`; None while only evidence can change that."""

    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """A recovery is to be begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """Attempt `number` is to be made; one that was begun already and never ended is made again."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The recovery is over."""

    closing: Closing


Step = Rest | Begin | Try | End


def is_recovering(policy: FailoverPolicy) -> bool:
    """Whether failed instances are brought back by ourselves."""
    return (
        policy.enable_auto_recovery
        and policy.max_recovery_attempts > 0
        and policy.recovery_action.type is not RecoveryActionType.NONE
    )


def most_attempts(policy: FailoverPolicy) -> int:
    """How many attempts a recovery makes; one that an operator orders makes one at least."""
    return max(1, policy.max_recovery_attempts)


def next_step(
    instance: Instance,
    latest: FailoverEvent | None,
    policy: FailoverPolicy,
    now: datetime,
    *,
    is_paused: bool = False,
) -> Step:
    """What should be done now about one instance.

    The first attempt is made at once, the next after the pause that the one before has noted. After the last one's pause
    the recovery has failed.

    Args:
        instance: The instance.
        latest: Its newest recovery event, open or closed; None when it never had one.
        policy: Its proxy's.
        now: Wall clock.
        is_paused: Whether automation is stopped: then nothing automatic is begun or tried, but what ended is closed.
    """
    if latest is not None and latest.status.is_open:
        return _go_on(instance, latest, policy, now, is_paused=is_paused)
    if (
        instance.health.state is not Health.UNHEALTHY
        or instance.admin_state is AdminState.MAINTENANCE
        or not is_recovering(policy)
        or (latest is not None and _is_in_vain(latest, instance))
    ):
        return Rest()
    return Rest() if is_paused else Begin()


def begun(
    proxy: Proxy,
    instance: Instance,
    event_id: UUID,
    now: datetime,
    *,
    actor: Actor = AUTOMATION,
    reason: str | None = None,
) -> FailoverEvent:
    """The open event of a recovery that begins `now`; by an operator, who may give a `reason`, unless `actor` is the automation."""
    health, is_ordered = instance.health, actor != AUTOMATION
    return FailoverEvent(
        event_id=event_id,
        proxy_id=proxy.proxy_id,
        event_type=EventType.RECOVERY,
        status=EventStatus.IN_PROGRESS,
        trigger=Trigger.MANUAL if is_ordered else Trigger.AUTOMATIC,
        source_instance_id=None,
        target_instance_id=instance.instance_id,
        reason=(reason or "Ordered by an operator")
        if is_ordered
        else f"Instance unhealthy ({health.consecutive_failures} failures)",
        reason_code=ORDERED if is_ordered else INSTANCE_UNHEALTHY,
        epoch=proxy.epoch,
        actor=actor.name,
        evidence={
            "action": proxy.policy.recovery_action.type.value,
            "mostAttempts": most_attempts(proxy.policy),
            "generation": proxy.generation,
            "instanceName": instance.name,
            "healthStatus": health.state.value,
            "consecutiveFailures": health.consecutive_failures,
            "code": health.last_code,
            "detail": health.last_detail,
            "unhealthySince": _run_of(instance),
            "attempts": [],
        },
        stages=Stages(detected_at=health.first_failed_at or now, decided_at=now),
        created_at=now,
    )


def following(event: FailoverEvent) -> int:
    """The number of the attempt that is to be made next; one that never ended is."""
    attempts = attempts_of(event)
    if not attempts:
        return 1
    return attempts[-1].number if attempts[-1].next_at is None else attempts[-1].number + 1


def _go_on(
    instance: Instance, event: FailoverEvent, policy: FailoverPolicy, now: datetime, *, is_paused: bool
) -> Step:
    if instance.health.state is Health.HEALTHY:
        return End(closing=Closing(status=EventStatus.COMPLETED, at=now))
    automatic = event.trigger is Trigger.AUTOMATIC
    if instance.admin_state is AdminState.MAINTENANCE:
        return _failed(now, "the instance was ordered into maintenance")
    if policy.recovery_action.type is RecoveryActionType.NONE or (automatic and not is_recovering(policy)):
        return _failed(now, "recovery was turned off")
    attempts, most = attempts_of(event), most_attempts(policy)
    last = attempts[-1] if attempts else None
    if last is not None and last.next_at is not None:
        if now < last.next_at:
            return Rest(until=last.next_at)
        if last.number >= most:
            return _failed(now, f"{_IN_VAIN} {last.number} of {most} attempts; the last: {last.detail}")
    # While nobody has a verdict there is nothing to bring back: the next one says what to do.
    if instance.health.state is Health.UNKNOWN:
        return Rest()
    number = following(event)
    if automatic and is_paused and event.evidence.get(ORDERED_ATTEMPT) != number:
        return Rest()
    return Try(number=number)


def _is_in_vain(event: FailoverEvent, instance: Instance) -> bool:
    """Whether every attempt of this run of being UNHEALTHY was made already."""
    words = event.error_message or ""
    return words.startswith(_IN_VAIN) and event.evidence.get("unhealthySince") == _run_of(instance)


def _failed(now: datetime, why: str) -> End:
    return End(closing=Closing(status=EventStatus.FAILED, at=now, error_message=why))


def _run_of(instance: Instance) -> str | None:
    """What names a run of being UNHEALTHY: when it began, whatever other clocks say."""
    changed_at = instance.health.changed_at
    return None if changed_at is None else changed_at.isoformat()
