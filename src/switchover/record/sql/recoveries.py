"""Recovery events, their attempts, and what their webhooks are signed with."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from switchover.model.errors import NotFound
from switchover.model.events import Closing, EventStatus, EventType, FailoverEvent, close
from switchover.model.recovery import RecoverySecrets
from switchover.model.trail import Trail
from switchover.record.outcomes import INSTANCE_DELETED
from switchover.record.sql.errors import constraint_of
from switchover.record.sql.event_rows import event_of
from switchover.record.sql.events import insert_event, store_outcome
from switchover.record.sql.locks import lock_instance, lock_proxy
from switchover.record.sql.schema import (
    IS_OPEN,
    IS_RECOVERY,
    ONE_OPEN_RECOVERY,
    proxy_failover_events,
    proxy_instances,
    recovery_secrets,
)
from switchover.record.sql.trails import store_trail

_EVENTS = proxy_failover_events.c


async def add_recovery_event(connection: AsyncConnection, event: FailoverEvent, trail: Trail) -> bool:
    """Insert a recovery event; the unique index says whether the instance has an open one."""
    await lock_proxy(connection, event.proxy_id)
    if event.target_instance_id is not None:
        await lock_instance(connection, event.target_instance_id)
    try:
        async with connection.begin_nested():
            await insert_event(connection, event)
    except IntegrityError as error:
        if constraint_of(error) == ONE_OPEN_RECOVERY:
            return False
        raise
    await connection.execute(
        update(proxy_instances)
        .where(proxy_instances.c.instance_id == event.target_instance_id)
        .values(recovery_event_id=event.event_id)
    )
    await store_trail(connection, trail)
    return True


async def note_attempts(connection: AsyncConnection, event: FailoverEvent, trail: Trail) -> None:
    """Write the evidence and the trail alone."""
    noted = await connection.execute(
        update(proxy_failover_events)
        .where(_EVENTS.event_id == event.event_id, _EVENTS.event_type == EventType.RECOVERY)
        .values(evidence=dict(event.evidence))
    )
    if noted.rowcount == 0:
        raise NotFound("event", event.event_id)
    await store_trail(connection, trail)


async def end_recovery(connection: AsyncConnection, instance_id: UUID, at: datetime) -> None:
    """Close the open recovery of an instance that is being deleted, if it has one."""
    rows = await connection.execute(
        select(proxy_failover_events).where(_EVENTS.target_instance_id == instance_id, IS_OPEN, IS_RECOVERY)
    )
    outcome = Closing(status=EventStatus.FAILED, at=at, error_message=INSTANCE_DELETED)
    for event in [event_of(row) for row in rows]:
        await store_outcome(connection, close(event, outcome))


async def find_secrets(connection: AsyncConnection, proxy_id: str) -> RecoverySecrets | None:
    """The secrets of a proxy; None before the first."""
    row = (
        await connection.execute(select(recovery_secrets).where(recovery_secrets.c.proxy_id == proxy_id))
    ).first()
    if row is None:
        return None
    return RecoverySecrets(
        proxy_id=row.proxy_id, secret=row.secret, former=row.former, rotated_at=row.rotated_at
    )


async def save_secrets(connection: AsyncConnection, secrets: RecoverySecrets, trail: Trail) -> None:
    """Put the secrets in the place of what was."""
    await lock_proxy(connection, secrets.proxy_id)
    await forget_secrets(connection, secrets.proxy_id)
    await connection.execute(
        insert(recovery_secrets).values(
            proxy_id=secrets.proxy_id,
            secret=secrets.secret,
            former=secrets.former,
            rotated_at=secrets.rotated_at,
        )
    )
    await store_trail(connection, trail)


async def forget_secrets(connection: AsyncConnection, proxy_id: str) -> None:
    """Delete the secrets of a proxy, if it has any."""
    await connection.execute(delete(recovery_secrets).where(recovery_secrets.c.proxy_id == proxy_id))
