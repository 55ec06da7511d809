"""Each query that the API and the control loop make, as SQLite plans it: no table is read from end to end."""

import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.dialects import sqlite
from tests.record_values import LONG_AGO, NOW, a_proxy, new_id

from switchover.model.rules import FLEET, Scope, scope_of_proxy, scope_of_user
from switchover.record.sql.retention import expired
from switchover.record.sql.schema import proxies
from switchover.record.sql.scopes import counted_moves
from switchover.record.sql.store import SqlStore

Statement = tuple[str, Any]
SOON = NOW + timedelta(days=1)


@contextmanager
def statements_of(store: SqlStore) -> Iterator[list[Statement]]:
    """The SELECTs and UPDATEs that the store sends meanwhile."""
    seen: list[Statement] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            seen.append((statement, parameters))

    engines = (store._database._reader.sync_engine, store._database._writer.sync_engine)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


def plan_of(path: Path, statement: Statement) -> str:
    """What SQLite would do, one step a line."""
    text, parameters = statement
    first = parameters[0] if isinstance(parameters, list) else parameters
    with closing(sqlite3.connect(path)) as connection:
        return "\n".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", first))


@pytest.mark.parametrize(
    ("call", "index"),
    [
        (lambda store: store.events("web", 50), "ix_proxy_failover_events_proxy_id_created_at_event_id"),
        (lambda store: store.event(new_id()), "sqlite_autoindex_proxy_failover_events_1"),
        (
            lambda store: store.metrics(new_id(), LONG_AGO, NOW, 100),
            "ix_proxy_instance_metrics_instance_id_recorded_at_metrics_id",
        ),
        (
            lambda store: store.health_transitions("web", LONG_AGO, NOW, 100),
            "ix_instance_health_transitions_of_proxy",
        ),
        (lambda store: store.pending_messages(100), "ix_outbox_messages_pending"),
        (lambda store: store.blocked_moves("web", 50), "ix_blocked_moves_proxy_id_first_at_blocked_id"),
        (lambda store: store.audit("web", 50), "ix_audit_log_proxy_id_occurred_at_entry_id"),
        (lambda store: store.mark_delivered([new_id()], NOW), "sqlite_autoindex_outbox_messages_1"),
        (lambda store: store.raise_epoch("web", 1), "sqlite_autoindex_proxies_1"),
    ],
)
async def test_a_query_uses_its_index_and_sorts_nothing(
    sql_store: SqlStore, database_file: Path, call: Callable[[SqlStore], Awaitable[object]], index: str
) -> None:
    with statements_of(sql_store) as statements:
        await call(sql_store)

    # A change is numbered first; both search alike.
    plans = {plan_of(database_file, statement) for statement in statements}
    assert all(index in plan for plan in plans)
    assert not [plan for plan in plans if "TEMP B-TREE" in plan]
    # Reading an index in its own order is a scan too, but of exactly the rows wanted.
    steps = [step for plan in plans for step in plan.splitlines() if step.startswith("SCAN")]
    assert all(f"USING INDEX {index}" in step for step in steps)
    assert plans


async def test_loading_one_proxy_searches_by_index_in_every_table(
    sql_store: SqlStore, database_file: Path
) -> None:
    with statements_of(sql_store) as statements:
        await sql_store.load_proxy("web", LONG_AGO)

    plans = [plan_of(database_file, statement) for statement in statements]
    assert len(plans) == 9
    assert not [plan for plan in plans if "SCAN" in plan]
    fronts, instances, moves, open_move, scheduled, drill, recoveries, status, blocked = plans
    # The proxy, its policy, and how its last move ended.
    assert fronts.count("SEARCH") == 3
    assert "uq_proxy_instances_name" in instances
    assert "ix_proxy_failover_events" in moves
    assert "uq_proxy_failover_events_open_move" in open_move
    assert "uq_proxy_failover_events_scheduled_move" in scheduled
    assert "uq_proxy_drills_open" in drill
    assert "ix_proxy_failover_events_proxy_id_epoch" in fronts
    assert "sqlite_autoindex_proxy_failover_events_1" in recoveries
    assert "sqlite_autoindex_proxy_redundancy_status_1" in status
    assert "uq_blocked_moves_lasting" in blocked


async def test_loading_everything_is_a_fixed_number_of_queries(sql_store: SqlStore) -> None:
    counts = []
    for number in range(3):
        with statements_of(sql_store) as statements:
            await sql_store.load(LONG_AGO)
        counts.append(len(statements))
        for suffix in "abcdef":
            await sql_store.create_proxy(a_proxy(f"{suffix}{number}"))

    assert counts == [9, 9, 9]


async def test_loading_everything_finds_moves_and_open_moves_by_index(
    sql_store: SqlStore, database_file: Path
) -> None:
    with statements_of(sql_store) as statements:
        await sql_store.load(LONG_AGO)

    _, _, moves, open_moves, scheduled_moves, drills, recoveries, _, blocked = (
        plan_of(database_file, statement) for statement in statements
    )
    assert "ix_proxy_failover_events_committed_at" in moves
    assert "uq_proxy_failover_events_open_move" in open_moves
    assert "uq_blocked_moves_lasting" in blocked
    assert "uq_proxy_failover_events_scheduled_move" in scheduled_moves
    assert "uq_proxy_drills_open" in drills
    assert "sqlite_autoindex_proxy_failover_events_1" in recoveries


@pytest.mark.usefixtures("sql_store")
def test_an_owners_proxies_are_found_and_ordered_by_index(database_file: Path) -> None:
    listing = select(proxies).where(proxies.c.owner_id == "ann", proxies.c.proxy_id > "a")
    compiled = listing.order_by(proxies.c.proxy_id).limit(50).compile(dialect=sqlite.dialect())
    parameters = tuple(compiled.params[name] for name in compiled.positiontup or ())

    plan = plan_of(database_file, (str(compiled), parameters))

    assert plan == "SEARCH proxies USING INDEX ix_proxies_owner_id_proxy_id (owner_id=? AND proxy_id>?)"


@pytest.mark.usefixtures("sql_store")
@pytest.mark.parametrize("scope", [FLEET, scope_of_user("ann"), scope_of_proxy("web")], ids=str)
def test_the_moves_that_a_limit_counts_are_found_by_index(database_file: Path, scope: Scope) -> None:
    counted = counted_moves(scope, LONG_AGO).limit(1).offset(2).compile(dialect=sqlite.dialect())
    parameters = tuple("2026-01-01" for _ in counted.positiontup or ())

    assert "SCAN" not in plan_of(database_file, (str(counted), parameters))


@pytest.mark.usefixtures("sql_store")
def test_what_is_expired_is_found_by_index(database_file: Path) -> None:
    plans = []
    for table, which in expired(
        events_before=SOON, metrics_before=SOON, messages_before=SOON, transitions_before=SOON
    ):
        compiled = select(*table.primary_key).where(which).compile(dialect=sqlite.dialect())
        plans.append(plan_of(database_file, (str(compiled), ("2026-01-01",))))

    assert not [plan for plan in plans if "SCAN" in plan]
