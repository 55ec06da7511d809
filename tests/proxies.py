"""Proxies and instances to test with, each as plain as its test allows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from switchover.decision.view import View
from switchover.model.address import parse_address
from switchover.model.events import EventType, PastMove
from switchover.model.instance import Instance
from switchover.model.observation import Health, InstanceHealth, Outcome
from switchover.model.policy import FailoverPolicy
from switchover.model.proxy import Proxy

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    """`seconds` after noon; before it when negative."""
    return NOON + timedelta(seconds=seconds)


def health_of(
    state: Health, *, since: float = -1000.0, passes: int = 10, failures: int = 10
) -> InstanceHealth:
    """Health that became `state` at `since` (seconds after noon) and has been steady."""
    match state:
        case Health.HEALTHY:
            return InstanceHealth(
                state=state,
                consecutive_passes=passes,
                last_outcome=Outcome.PASS,
                changed_at=after(since),
                last_checked_at=after(since),
            )
        case Health.UNHEALTHY:
            return InstanceHealth(
                state=state,
                consecutive_failures=failures,
                last_outcome=Outcome.FAIL,
                changed_at=after(since),
                first_failed_at=after(since),
                last_checked_at=after(since),
            )
        case Health.UNKNOWN:
            return InstanceHealth()


def instance(
    name: str, state: Health = Health.HEALTHY, *, since: float = -1000.0, **changes: Any
) -> Instance:
    """An instance whose id follows from its one-letter name, with an address that resolved."""
    values: dict[str, Any] = {
        "address": parse_address(f"10.0.0.{ord(name)}:80"),
        "resolved_host": f"10.0.0.{ord(name)}",
        "health": health_of(state, since=since),
        "created_at": after(-5000),
    }
    return Instance(instance_id=id_of(name), proxy_id="web", name=name, **(values | changes))


def id_of(name: str) -> UUID:
    return UUID(int=ord(name))


def view_of(
    *instances: Instance,
    active: str | None = None,
    epoch: int | None = None,
    pin: str | None = None,
    moves: tuple[PastMove, ...] = (),
    **policy: Any,
) -> View:
    """A view of proxy `web` with these instances; `policy` names fields of `FailoverPolicy`."""
    proxy = Proxy(
        proxy_id="web",
        owner_id="ann",
        policy=FailoverPolicy(**policy),
        active_instance_id=id_of(active) if active else None,
        epoch=epoch if epoch is not None else (1 if active else 0),
        pinned_instance_id=id_of(pin) if pin else None,
        created_at=after(-5000),
        updated_at=after(-5000),
    )
    return View(proxy=proxy, instances=instances, moves=moves)


def move(event_type: EventType, source: str | None, target: str, at: float) -> PastMove:
    """A committed move, `at` seconds after noon."""
    return PastMove(
        event_type=event_type,
        source_instance_id=id_of(source) if source else None,
        target_instance_id=id_of(target),
        committed_at=after(at),
    )


def flapped(name: str, other: str, *, at: float, times: int) -> tuple[PastMove, ...]:
    """`times` failbacks to `name`, each ending in a failover to `other`, the last one `at` seconds after noon."""
    moves: list[PastMove] = []
    for turn in range(times):
        end = at - (times - 1 - turn) * 60
        moves += [
            move(EventType.FAILBACK, other, name, end - 10),
            move(EventType.FAILOVER, name, other, end),
        ]
    return tuple(moves)


def carried(instance: Instance, requests: int, failed: int) -> Instance:
    """The instance once it has answered these requests, some of them with errors."""
    usage = instance.usage
    total, errors = usage.total_requests + requests, usage.failed_requests + failed
    return replace(instance, usage=replace(usage, total_requests=total, failed_requests=errors))
