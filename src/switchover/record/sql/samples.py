"""Metrics of instances: one sample in, the newest out."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from switchover.model.metrics import InstanceMetrics
from switchover.record.sql.locks import lock_instance
from switchover.record.sql.schema import proxy_instance_metrics

_SAMPLES = proxy_instance_metrics.c


async def record_metrics(connection: AsyncConnection, metrics: InstanceMetrics) -> None:
    """Insert one sample of a registered instance."""
    await lock_instance(connection, metrics.instance_id)
    # The columns are named as the value's fields are.
    await connection.execute(insert(proxy_instance_metrics).values(**asdict(metrics)))


async def newest_metrics(
    connection: AsyncConnection, instance_id: UUID, since: datetime, until: datetime, limit: int
) -> Sequence[InstanceMetrics]:
    """The newest samples between two times, both included."""
    rows = await connection.execute(
        select(proxy_instance_metrics)
        .where(_SAMPLES.instance_id == instance_id, _SAMPLES.recorded_at.between(since, until))
        .order_by(_SAMPLES.recorded_at.desc(), _SAMPLES.metrics_id.desc())
        .limit(limit)
    )
    return [InstanceMetrics(**row) for row in rows.mappings()]
