"""A process that moves a proxy to and fro until somebody kills it.

Usage: record_writer.py DATABASE_URL. After each commit it prints `committed EPOCH` or `closed EPOCH`:
what was printed is on record, whatever happens next.
"""

import asyncio
import sys
from dataclasses import replace

from switchover.app.clock import SystemClock, uuid7
from switchover.model.actor import AUTOMATION
from switchover.model.events import (
    Closing,
    EventStatus,
    EventType,
    FailoverEvent,
    Stages,
    Trigger,
    close,
)
from switchover.model.instance import Instance, Usage
from switchover.model.trail import AuditEntry, OutboxMessage, Topic, Trail
from switchover.record.sql.store import open_store
from switchover.record.store import Move, Pass, Store


def _move(source: Instance, target: Instance, epoch: int, superseded: FailoverEvent | None) -> Pass:
    now, event_id = SystemClock().now(), uuid7()
    event = FailoverEvent(
        event_id=event_id,
        proxy_id="web",
        event_type=EventType.FAILOVER,
        status=EventStatus.IN_PROGRESS,
        trigger=Trigger.AUTOMATIC,
        source_instance_id=source.instance_id if epoch > 1 else None,
        target_instance_id=target.instance_id,
        reason="Active instance unhealthy (3 failures)",
        reason_code="active_unhealthy",
        epoch=epoch,
        actor=AUTOMATION.name,
        stages=Stages(committed_at=now),
        created_at=now,
    )
    message = OutboxMessage(
        message_id=uuid7(),
        at=now,
        topic=Topic.MOVE_COMMITTED,
        proxy_id="web",
        owner_id="ann",
        payload={"eventId": str(event_id), "epoch": epoch},
    )
    entry = AuditEntry(
        entry_id=uuid7(), at=now, actor=AUTOMATION, action="move.commit", proxy_id="web", subject_id=event_id
    )
    return Pass(
        proxy_id="web",
        at=now,
        instances=(replace(target, usage=Usage(total_requests=epoch)),),
        move=Move(
            seen_active_instance_id=event.source_instance_id,
            seen_epoch=epoch - 1,
            event=event,
            pin=None,
            superseded=superseded,
        ),
        trail=Trail(audit=(entry,), messages=(message,)),
    )


async def _go_on(store: Store) -> None:
    now = SystemClock().now()
    stored = await store.load_proxy("web", now)
    assert stored is not None
    active, epoch, still_open = stored.proxy.active_instance_id, stored.proxy.epoch, stored.open_move
    while True:
        epoch += 1
        target = next(i for i in stored.instances if i.instance_id != active)
        source = next(i for i in stored.instances if i.instance_id != target.instance_id)
        superseded = None
        if still_open is not None:
            superseded = close(
                still_open, Closing(status=EventStatus.FAILED, at=now, error_message="superseded")
            )
        change = _move(source, target, epoch, superseded)
        await store.commit_pass(change)
        print("committed", epoch, flush=True)
        assert change.move is not None
        active, still_open = target.instance_id, change.move.event
        if epoch % 2:
            outcome = Closing(status=EventStatus.COMPLETED, at=now, applied_at=now)
            await store.close_event(close(still_open, outcome))
            still_open = None
            print("closed", epoch, flush=True)


async def main() -> None:
    store = await open_store(sys.argv[1])
    try:
        await _go_on(store)
    finally:
        await store.close()


if __name__ == "__main__":
    asyncio.run(main())
