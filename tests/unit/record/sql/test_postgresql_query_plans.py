"""What PostgreSQL does for each query of the store, among as many rows as a large installation has."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Dialect, Select, event, select
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from tests.postgresql_server import PostgresqlServer
from tests.record_values import a_pass, a_proxy, a_sample, an_instance, new_id

from switchover.model.policy import FailoverPolicy
from switchover.model.rules import FLEET, Scope, ScopeKind, scope_of_proxy, scope_of_user
from switchover.record.sql.company_schema import vantage_reports
from switchover.record.sql.proxy_rows import policy_columns
from switchover.record.sql.retention import expired
from switchover.record.sql.schema import proxies
from switchover.record.sql.scopes import counted_moves
from switchover.record.sql.store import SqlStore, open_store

NOW = datetime.now(UTC)
Statement = tuple[str, Any]
Planner = Callable[[Statement], Awaitable[str]]
HOUR_AGO, YEAR_AGO = NOW - timedelta(hours=1), NOW - timedelta(days=365)

# 1,000 proxies of 100 owners; 3 instances, 30 closed events, 20 blocked moves, 20 messages, 20 audit entries and 50 transitions
# of health each; 50,000 samples of a year. One proxy in a hundred has an open move.
FILLING = """
SET session_replication_role = replica; -- foreign keys are not looked up
CREATE FUNCTION an_id(n bigint) RETURNS uuid IMMUTABLE LANGUAGE sql
    AS $$ SELECT ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
INSERT INTO proxies SELECT 'p' || n, 'owner' || n % 100, an_id(n * 3), 30, 1, NULL, now(), now()
    FROM generate_series(1, 1000) n;
INSERT INTO proxy_failover_configurations SELECT proxy_id, 'priority', 30, NULL, 3, 2, 3, 5, true, true, false,
    'round_robin', 'HEALTH_CHECK', '127.0.0.1', 10000 + row_number() OVER (), 'http', 'TRAFFIC', false, 10, NULL, NULL, 3 FROM proxies;
INSERT INTO proxy_instances SELECT an_id(n * 3 + i), 'p' || n, 'i' || i, 'standard', 100, 100, '127.0.0.1', 9000, NULL,
    'ready', NULL, 'healthy', 0, 9, 'pass', 0, now(), now(), NULL, NULL, NULL, 0, 0, 0, NULL, NULL, now()
    FROM generate_series(1, 1000) n, generate_series(0, 2) i;
INSERT INTO proxy_failover_events SELECT gen_random_uuid(), 'p' || n, 'failover', 'completed', 'automatic', an_id(n * 3),
    an_id(n * 3 + 1), 'r', 'c', e, 'a', '{}', NULL, moment, moment, moment, moment, NULL, 1, moment, moment
    FROM generate_series(1, 1000) n, generate_series(1, 30) e, LATERAL (SELECT now() - e * interval '9 days' AS moment) m;
INSERT INTO proxy_failover_events SELECT gen_random_uuid(), 'p' || n * 100, 'failover', 'in_progress', 'automatic', NULL,
    an_id(n * 300), 'r', 'c', 31, 'a', '{}', NULL, now(), now(), now(), NULL, NULL, NULL, now(), NULL
    FROM generate_series(1, 10) n;
INSERT INTO proxy_drills SELECT gen_random_uuid(), 'p' || n, CASE WHEN d = 1 AND n % 100 = 0 THEN 'pending' ELSE 'completed' END,
    'person', 'ann', false, NULL, 10, NULL, NULL, NULL, NULL, NULL, now() - d * interval '30 days', NULL, NULL,
    CASE WHEN d > 1 OR n % 100 > 0 THEN now() - d * interval '30 days' END
    FROM generate_series(1, 1000) n, generate_series(1, 10) d;
INSERT INTO proxy_redundancy_status SELECT proxy_id, 3, 3, 0, NULL, '[]', 'multi', false, NULL, NULL, 30, 'derived', now()
    FROM proxies;
INSERT INTO proxy_instance_metrics SELECT gen_random_uuid(), an_id(3 + s % 3000), now() - s * interval '10 minutes'
    FROM generate_series(1, 50000) s;
INSERT INTO instance_health_transitions SELECT gen_random_uuid(), 'p' || n, an_id(n * 3), now() - t * interval '9 hours',
    'healthy', 'unhealthy', 'fall_reached', 'timeout', 3, 0, now() FROM generate_series(1, 1000) n, generate_series(1, 50) t;
INSERT INTO outbox_messages SELECT gen_random_uuid(), now(), 'move.closed', 'p' || n, 'o', '{}',
    CASE WHEN m > 1 OR n % 50 > 0 THEN now() - m * interval '1 day' END
    FROM generate_series(1, 1000) n, generate_series(1, 20) m;
INSERT INTO blocked_moves SELECT gen_random_uuid(), 'p' || n, 'failback', 'automatic', NULL, NULL, 'r', 'c', 'pause', 'fleet',
    'm', '{}', now(), now(), 1, CASE WHEN m > 1 OR n % 50 > 0 THEN now() - m * interval '1 day' END
    FROM generate_series(1, 1000) n, generate_series(1, 20) m;
INSERT INTO audit_log SELECT gen_random_uuid(), now() - a * interval '1 day', 'person', 'ann', false, 'x', 'p' || n, NULL,
    '{}' FROM generate_series(1, 1000) n, generate_series(1, 20) a;
INSERT INTO vantage_reports SELECT 'p' || n, an_id(n * 3 + i), an_id(r), 'healthy', 0, now()
    FROM generate_series(1, 1000) n, generate_series(0, 2) i, generate_series(1, 2) r;
ANALYZE
"""
DOCUMENTS = policy_columns(FailoverPolicy())


@pytest.fixture(scope="module")
def filled(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """The name of a database with many rows."""
    with asyncio.Runner() as runner:
        ending = AsyncExitStack()

        async def fill() -> str:
            name = await ending.enter_async_context(postgresql_server.database())
            async with postgresql_server.admin(name) as admin:
                await admin.execute(
                    FILLING.replace("HEALTH_CHECK", json.dumps(DOCUMENTS["health_check"])).replace(
                        "TRAFFIC", json.dumps(DOCUMENTS["traffic"])
                    )
                )
            return name

        yield runner.run(fill())
        runner.run(ending.aclose())


@pytest.fixture
async def store(postgresql_server: PostgresqlServer, filled: str) -> AsyncIterator[SqlStore]:
    opened = await open_store(postgresql_server.url(filled))
    try:
        yield opened
    finally:
        await opened.close()


@contextmanager
def statements_of(store: SqlStore) -> Iterator[list[Statement]]:
    """The SELECTs and UPDATEs that the store sends meanwhile, but for notes, which ask no table."""
    seen: list[Statement] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith(("SELECT", "UPDATE")) and "pg_notify" not in statement:
            seen.append((statement, parameters))

    engine = store._database._writer.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def plan_of(postgresql_server: PostgresqlServer, filled: str) -> Planner:
    async def plan(statement: Statement) -> str:
        words, parameters = statement
        first = parameters[0] if isinstance(parameters, list) else parameters
        async with postgresql_server.admin(filled) as admin:
            # A handful of rows is sorted as quickly as read in order; whether they can be is the question.
            await admin.execute("SET enable_sort = off")
            rows = await admin.fetch(f"EXPLAIN (COSTS OFF) {words}", *first)
        return "\n".join(row[0] for row in rows)

    return plan


@pytest.mark.parametrize(
    ("call", "index"),
    [
        (lambda store: store.events("p7", 50), "ix_proxy_failover_events_proxy_id_created_at_event_id"),
        (lambda store: store.event(new_id()), "pk_proxy_failover_events"),
        (
            lambda store: store.metrics(new_id(), HOUR_AGO, NOW, 100),
            "ix_proxy_instance_metrics_instance_id_recorded_at_metrics_id",
        ),
        (
            lambda store: store.health_transitions("p7", HOUR_AGO, NOW, 100),
            "ix_instance_health_transitions_of_proxy",
        ),
        (lambda store: store.pending_messages(100), "ix_outbox_messages_pending"),
        (lambda store: store.blocked_moves("p7", 50), "ix_blocked_moves_proxy_id_first_at_blocked_id"),
        (lambda store: store.audit("p7", 50), "ix_audit_log_proxy_id_occurred_at_entry_id"),
        (lambda store: store.mark_delivered([new_id()], NOW), "_outbox_messages"),
        (lambda store: store.raise_epoch("p7", 1), "pk_proxies"),
        (lambda store: store.note_verified(new_id(), NOW), "pk_proxy_failover_events"),
        (lambda store: store.flush_instances([an_instance()]), "pk_proxy_instances"),
    ],
)
async def test_a_query_uses_its_index_and_sorts_nothing(
    store: SqlStore, plan_of: Planner, call: Callable[[SqlStore], Awaitable[object]], index: str
) -> None:
    with statements_of(store) as statements:
        await call(store)

    # A change is numbered first; both search alike.
    plans = {await plan_of(statement) for statement in statements}
    assert all(index in plan for plan in plans)
    assert not [plan for plan in plans if "Seq Scan" in plan or "Sort" in plan]
    assert plans


async def test_loading_one_proxy_searches_by_index_in_every_table(store: SqlStore, plan_of: Planner) -> None:
    with statements_of(store) as statements:
        await store.load_proxy("p7", HOUR_AGO)

    plans = [await plan_of(statement) for statement in statements]
    assert len(plans) == 9
    assert not [plan for plan in plans if "Seq Scan" in plan]
    fronts, instances, moves, open_move, scheduled, drill, recoveries, status, blocked = plans
    assert "pk_proxies" in fronts
    assert "pk_proxy_failover_configurations" in fronts
    assert "uq_proxy_instances_name" in instances
    assert "ix_proxy_failover_events" in moves
    assert "uq_proxy_failover_events_open_move" in open_move
    assert "uq_proxy_failover_events_scheduled_move" in scheduled
    assert "uq_proxy_drills_open" in drill
    assert "ix_proxy_failover_events_proxy_id_epoch" in fronts
    assert "pk_proxy_failover_events" in recoveries
    assert "pk_proxy_redundancy_status" in status
    assert "uq_blocked_moves_lasting" in blocked


async def test_loading_everything_finds_moves_and_open_moves_by_index(
    store: SqlStore, plan_of: Planner
) -> None:
    with statements_of(store) as statements:
        await store.load(HOUR_AGO)

    _, _, moves, open_moves, scheduled_moves, drills, recoveries, _, blocked = [
        await plan_of(statement) for statement in statements
    ]
    assert "ix_proxy_failover_events_committed_at" in moves
    assert "uq_proxy_failover_events_open_move" in open_moves
    assert "uq_blocked_moves_lasting" in blocked
    assert "uq_proxy_failover_events_scheduled_move" in scheduled_moves
    assert "uq_proxy_drills_open" in drills
    assert "pk_proxy_failover_events" in recoveries


async def test_a_pass_locks_and_writes_by_index(store: SqlStore, plan_of: Planner) -> None:
    with statements_of(store) as statements:
        await store.commit_pass(a_pass("p7"))

    number, lock = [await plan_of(statement) for statement in statements]
    assert lock.splitlines()[0] == "LockRows"
    assert "pk_proxies" in number
    assert "pk_proxies" in lock


def written_out(query: Select[Any]) -> Statement:
    """A query of ours with its values in it."""
    dialect: Dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call] # SQLAlchemy leaves it untyped
    return str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True})), ()


async def test_an_owners_proxies_are_found_and_ordered_by_index(plan_of: Planner) -> None:
    listing = select(proxies).where(proxies.c.owner_id == "owner7", proxies.c.proxy_id > "p5")

    plan = await plan_of(written_out(listing.order_by(proxies.c.proxy_id).limit(50)))

    assert "ix_proxies_owner_id_proxy_id" in plan
    assert "Sort" not in plan


@pytest.mark.parametrize("scope", [FLEET, scope_of_user("owner7"), scope_of_proxy("p7")], ids=str)
async def test_the_moves_that_a_limit_counts_are_found_by_index(plan_of: Planner, scope: Scope) -> None:
    plan = await plan_of(written_out(counted_moves(scope, HOUR_AGO).offset(2).limit(1)))

    assert "ix_proxy_failover_events_committed_at" in plan or "proxy_failover_events_proxy_id" in plan
    assert not ("Seq Scan" in plan and scope.kind is not ScopeKind.USER)


async def test_what_observers_saw_of_some_proxies_is_found_by_index(plan_of: Planner) -> None:
    wanted = select(vantage_reports).where(vantage_reports.c.proxy_id.in_(["p1", "p2"]))
    assert "pk_vantage_reports" in await plan_of(written_out(wanted))


async def test_what_is_expired_is_found_by_index(plan_of: Planner) -> None:
    plans = []
    for table, which in expired(
        events_before=YEAR_AGO,
        metrics_before=YEAR_AGO,
        messages_before=YEAR_AGO,
        transitions_before=YEAR_AGO,
    ):
        batch = select(*table.primary_key).where(which).limit(500).with_for_update(skip_locked=True)
        plans.append(await plan_of(written_out(batch)))

    assert not [plan for plan in plans if "Seq Scan" in plan]


async def test_what_is_stored_among_so_many_is_found(store: SqlStore) -> None:
    await store.create_proxy(a_proxy("one-more"))
    instance = an_instance("one", "one-more")
    await store.add_instance(instance)
    sample = a_sample(instance, NOW)
    await store.record_metrics(sample)

    assert await store.metrics(instance.instance_id, HOUR_AGO, NOW, 5) == [sample]
