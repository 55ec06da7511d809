"""What bounds automation: changed by people under one lock, and asked in the transaction of every move.

Whoever changes a pause, a rule or a gate holds the row `*`; a move shares it. So a move that has asked is stored before
the change is, and one that comes later sees it. Moves that one limit counts hold the row of its scope, the widest first,
and so come one after the other. Nobody who holds `*` waits for a proxy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from switchover.decision.rules import MoveBlocked, Safety, breaches, limits, safety_of, wanted_move
from switchover.model.events import Trigger
from switchover.model.instance import Instance
from switchover.model.rules import (
    FLEET,
    Gate,
    MoveLimit,
    Pause,
    SafetyRules,
    Scope,
    ScopeKind,
    ScopeStanding,
    scope_of_proxy,
    scope_of_user,
)
from switchover.model.trail import Trail
from switchover.record.sql.instance_rows import instance_of
from switchover.record.sql.postgresql_notes import SCOPES, tell
from switchover.record.sql.safety_schema import EVERY_SCOPE, automation_scopes
from switchover.record.sql.schema import (
    IS_MOVE,
    proxies,
    proxy_failover_configurations,
    proxy_failover_events,
    proxy_instances,
)
from switchover.record.sql.scope_rows import rules_of, standing_columns, standing_of
from switchover.record.sql.trails import store_trail
from switchover.record.store import Move, Pass

_SCOPES = automation_scopes.c
_EVENTS = proxy_failover_events.c
# As `decision.rules.counts` says it.
_COUNTS = text("trigger = 'automatic' AND event_type <> 'activation'")


async def standings(connection: AsyncConnection) -> Sequence[ScopeStanding]:
    """Every scope in which something is set."""
    rows = await connection.execute(select(automation_scopes).where(_SCOPES.scope != EVERY_SCOPE))
    return [standing_of(row) for row in sorted(rows, key=lambda row: row.scope)]


async def save_pause(connection: AsyncConnection, scope: Scope, pause: Pause | None, trail: Trail) -> None:
    """Pause a scope, or resume it."""
    await _save(connection, replace(await _locked(connection, scope), pause=pause), trail)


async def save_rules(connection: AsyncConnection, scope: Scope, rules: SafetyRules, trail: Trail) -> None:
    """Store a scope's rules."""
    await _save(connection, replace(await _locked(connection, scope), rules=rules), trail)


async def save_gate(
    connection: AsyncConnection, scope: Scope, name: str, gate: Gate | None, trail: Trail
) -> None:
    """Store a gate, or take it away."""
    standing = await _locked(connection, scope)
    await _save(connection, replace(standing, gates=standing.with_gate(name, gate)), trail)


async def forget_proxy(connection: AsyncConnection, proxy_id: str) -> None:
    """Take away what is set for a proxy that is deleted."""
    scope = str(scope_of_proxy(proxy_id))
    await connection.execute(automation_scopes.delete().where(_SCOPES.scope == scope))


async def check_rules(connection: AsyncConnection, change: Pass, move: Move) -> None:
    """Ask the rules about the state after `move`; the caller holds the proxy.

    Raises:
        MoveBlocked: One of them is in the way.
    """
    if move.forced:
        return
    guard = select(_SCOPES.scope).where(_SCOPES.scope == EVERY_SCOPE)
    await connection.execute(guard.with_for_update(read=True))
    safety = await _safety(connection, change.proxy_id)
    latest: dict[Scope, datetime] = {}
    if move.event.trigger is Trigger.AUTOMATIC:
        for scope, rules in limits(safety):
            if rules.move_limit is not None:
                at = await _latest(connection, scope, rules.move_limit, change.at)
                if at is not None:
                    latest[scope] = at
    safety = safety.with_latest(latest)
    instances: Mapping[UUID, Instance] = {}
    if any(standing.rules.min_serving is not None for standing in safety.standings):
        instances = await _instances(connection, change)
    source = move.seen_active_instance_id
    wanted = wanted_move(
        move.event.trigger,
        move.event.event_type,
        None if source is None else instances.get(source),
        instances.values(),
    )
    found = breaches(wanted, safety, change.at)
    if found:
        raise MoveBlocked(found, latest)


async def _safety(connection: AsyncConnection, proxy_id: str) -> Safety:
    own = (
        await connection.execute(
            select(proxies.c.owner_id, proxy_failover_configurations.c.rules)
            .join(proxy_failover_configurations)
            .where(proxies.c.proxy_id == proxy_id)
        )
    ).one()
    scopes = (FLEET, scope_of_user(own.owner_id), scope_of_proxy(proxy_id))
    rows = await connection.execute(
        select(automation_scopes).where(_SCOPES.scope.in_([str(scope) for scope in scopes]))
    )
    known = {standing.scope: standing for standing in map(standing_of, rows)}
    return safety_of(proxy_id, own.owner_id, rules_of(own.rules), known)


async def _latest(
    connection: AsyncConnection, scope: Scope, limit: MoveLimit, now: datetime
) -> datetime | None:
    """When the automatic move was committed that is as many moves ago as the limit allows; none can come in between."""
    if scope.kind is not ScopeKind.PROXY:
        row = select(_SCOPES.scope).where(_SCOPES.scope == str(scope))
        await connection.execute(row.with_for_update(key_share=True))
    counted = counted_moves(scope, now - limit.window).offset(limit.moves - 1).limit(1)
    return (await connection.execute(counted)).scalar_one_or_none()


def counted_moves(scope: Scope, since: datetime) -> Select[datetime]:
    """The times of the moves since then that the limits of a scope count, newest first."""
    counted = select(_EVENTS.committed_at).where(IS_MOVE, _COUNTS, _EVENTS.committed_at > since)
    reach = _reach(scope)
    if reach is not None:
        counted = counted.where(reach)
    return counted.order_by(_EVENTS.committed_at.desc())


def _reach(scope: Scope) -> ColumnElement[bool] | None:
    match scope.kind:
        case ScopeKind.FLEET:
            return None
        case ScopeKind.USER:
            return _EVENTS.proxy_id.in_(select(proxies.c.proxy_id).where(proxies.c.owner_id == scope.name))
        case ScopeKind.PROXY:
            return _EVENTS.proxy_id == scope.name


async def _instances(connection: AsyncConnection, change: Pass) -> Mapping[UUID, Instance]:
    rows = await connection.execute(
        select(proxy_instances).where(
            proxy_instances.c.proxy_id == change.proxy_id, proxy_instances.c.deleted_at.is_(None)
        )
    )
    stored = {row.instance_id: instance_of(row) for row in rows}
    # What this pass has measured is stored with it.
    measured = {i.instance_id: i.health for i in change.instances if i.instance_id in stored}
    return stored | {key: replace(stored[key], health=health) for key, health in measured.items()}


async def _locked(connection: AsyncConnection, scope: Scope) -> ScopeStanding:
    guard = select(_SCOPES.scope).where(_SCOPES.scope == EVERY_SCOPE)
    await connection.execute(guard.with_for_update())
    row = (await connection.execute(select(automation_scopes).where(_SCOPES.scope == str(scope)))).first()
    return ScopeStanding(scope=scope) if row is None else standing_of(row)


async def _save(connection: AsyncConnection, standing: ScopeStanding, trail: Trail) -> None:
    here = _SCOPES.scope == str(standing.scope)
    values = {**standing_columns(standing), "changed_at": func.current_timestamp()}
    if standing.is_empty:
        await connection.execute(automation_scopes.delete().where(here))
    elif (await connection.execute(update(automation_scopes).where(here).values(**values))).rowcount == 0:
        await connection.execute(insert(automation_scopes).values(scope=str(standing.scope), **values))
    await store_trail(connection, trail)
    await tell(connection, SCOPES)
