"""Three replicas, two Envoys, twenty proxies: whatever dies, is stopped or cut off, there is one truth afterwards.

One company for all of it, because what one test left is what the next one finds, as in life.
"""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import pytest_asyncio
from tests.company import LEASE_SECONDS, NODES, Company, Serving, company
from tests.load import Load, load
from tests.postgresql_server import PostgresqlServer, postgresql_server
from tests.waiting import eventually

from switchover.cli.event_views import EventView
from switchover.model.events import EventType

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("company"),
    pytest.mark.timeout(600),
]

RATE = 40.0
OWN = ("web-1", "web-2", "web-3")
SHARED = ("shared-1", "shared-2", "shared-3")


@pytest.fixture(scope="module")
def own_server() -> object:
    """A PostgreSQL that these tests may kill."""
    with postgresql_server() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def all_of_it(own_server: PostgresqlServer) -> AsyncIterator[Company]:
    async with company(own_server) as running:
        await running.start_backends(*OWN, *SHARED)
        for replica in running.replicas:
            await replica.start()
        await running.start_envoys()
        await running.create("web", *OWN, enableAutoRecovery=False)
        for number in range(1, 20):
            await running.create(f"p{number:02}", *SHARED)
        await running.settled("web-1")
        await running.assert_one_truth()
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def web(all_of_it: Company) -> AsyncIterator[Company]:
    """The company, whole again whatever the last test left, and one truth afterwards."""
    for replica in all_of_it.replicas:
        replica.database.speaking.set()
        replica.nodes.speaking.set()
        if replica.lives:
            replica.send(signal.SIGCONT)
        else:
            await replica.start()
    for name, process in all_of_it.backends.items():
        if not process.lives:
            await revive(all_of_it, name)
    await whole(all_of_it)
    yield all_of_it
    await all_of_it.assert_one_truth()


async def whole(web: Company) -> None:
    """Wait until every replica owns something and every instance of `web` is well."""

    seen: object = None

    async def so() -> bool:
        nonlocal seen
        owned = await web.query(
            "SELECT r.name, r.expires_at, count(l.*) FROM replicas r LEFT JOIN leases l USING (replica_id)"
            " WHERE r.expires_at > clock_timestamp() GROUP BY r.replica_id"
        )
        view = await web.proxy()
        seen = (owned, view)
        owners = [row for row in owned if row["count"]]
        return len(owners) == len(web.replicas) and all(i.health == "healthy" for i in view.instances)

    try:
        await eventually(so)
    except AssertionError as error:
        error.add_note(f"wanted: every replica an owner and every instance of web healthy; seen: {seen}")
        raise


async def active_of(web: Company, *, at: Serving | None = None) -> str:
    view = await web.proxy(at=at)
    return view.name_of(view.active_id)


@asynccontextmanager
async def loads(web: Company) -> AsyncIterator[list[Load]]:
    """Requests to `web` through both Envoys."""
    async with AsyncExitStack() as stack:
        port = web.listeners["web"]
        yield [await stack.enter_async_context(load(port, rate=RATE, host=at)) for at in NODES.values()]


async def kill_active(web: Company) -> str:
    """SIGKILL the active instance of `web`; its name."""
    name = await active_of(web)
    web.backends[name].kill()
    return name


async def moved_from(web: Company, former: str, *, at: Serving | None = None) -> EventView:
    """Wait until somebody else is active and that is complete; its event."""

    async def so() -> bool:
        return await active_of(web, at=at) not in {former, ""}

    await eventually(so)
    return await web.settled(await active_of(web, at=at), at=at)


async def revive(web: Company, name: str) -> None:
    await web.start_backends(name)


async def owner_but(web: Company, former: Serving) -> Serving:
    """Wait until another replica owns `web`."""

    async def so() -> Serving | None:
        owner = await web.owner()
        return owner if owner is not former else None

    owner = await eventually(so)
    assert owner is not None
    return owner


@pytest.mark.parametrize(
    "point", ["before-commit", "after-commit", "before-apply", "before-close", "after-close"]
)
async def test_an_owner_that_dies_within_a_failover_has_a_successor_who_ends_it(
    web: Company, point: str
) -> None:
    owner, before = await web.owner(), await web.events()
    owner.arm(point)
    async with loads(web) as running:
        killed = await kill_active(web)
        assert await owner.ended() == -signal.SIGKILL
        await moved_from(web, killed)
    assert [each.failures for each in running] == [[], []]
    moves = (await web.events())[: -len(before)]
    assert [event.event_type for event in moves] == [EventType.FAILOVER]
    await revive(web, killed)


async def test_an_owner_that_is_stopped_before_its_commit_and_wakes_after_its_lease_changes_nothing(
    web: Company,
) -> None:
    owner, before = await web.owner(), await web.events()
    owner.arm("stop-before-commit")
    killed = await kill_active(web)
    successor = await owner_but(web, owner)
    await moved_from(web, killed, at=successor)
    epoch = (await web.proxy(at=successor)).epoch

    owner.send(signal.SIGCONT)

    await eventually(lambda: "late work dropped" in owner.log.read_text(errors="replace"))
    assert (await web.proxy(at=successor)).epoch == epoch
    assert len(await web.events()) == len(before) + 1
    await revive(web, killed)


async def test_a_replica_that_is_cut_off_from_the_database_is_replaced_and_its_nodes_follow_the_others(
    web: Company,
) -> None:
    owner = await web.owner()
    owner.database.speaking.clear()
    async with loads(web) as running:
        successor = await owner_but(web, owner)
        killed = await kill_active_at(web, successor)
        await eventually(moved_at(web, successor, killed))
    owner.database.speaking.set()
    assert [each.failures for each in running] == [[], []]
    await revive(web, killed)


async def test_a_replica_that_is_cut_off_from_the_nodes_goes_on_deciding_through_the_others(
    web: Company,
) -> None:
    owner = await web.owner()
    owner.nodes.speaking.clear()
    async with loads(web) as running:
        killed = await kill_active(web)
        await moved_from(web, killed)
    owner.nodes.speaking.set()
    assert [each.failures for each in running] == [[], []]
    await revive(web, killed)


async def test_postgresql_dies_and_comes_back_and_the_move_follows(web: Company) -> None:
    before = await web.events()
    async with loads(web) as running:
        killed = await active_of(web)
        web.server.kill()
        web.backends[killed].kill()
        # Envoy moves on by itself; nobody decides.
        seen = [sum(each.answered_by().values()) for each in running]
        await eventually(
            lambda: all(
                sum(each.answered_by().values()) > count + RATE * LEASE_SECONDS * 2
                for each, count in zip(running, seen, strict=True)
            )
        )
        web.server.start()
        await moved_from(web, killed)
    assert [each.failures for each in running] == [[], []]
    assert len(await web.events()) == len(before) + 1
    await revive(web, killed)


async def test_all_three_are_restarted_one_by_one_under_load(web: Company) -> None:
    before = await web.events()
    async with loads(web) as running:
        for replica in web.replicas:
            assert await replica.end(signal.SIGTERM) == 0
            await replica.start()
        await whole(web)
    assert [each.failures for each in running] == [[], []]
    assert all(sum(each.answered_by().values()) > RATE for each in running)
    # That a move was verified may be noted later.
    assert [event.event_id for event in await web.events()] == [event.event_id for event in before]


async def test_a_replica_that_alone_cannot_see_the_instances_moves_none_and_leaves_it_to_the_others(
    web: Company,
) -> None:
    await web.create("watched", *SHARED, quorum={"observers": 3, "agree": 2})
    await web.settled("shared-1", "watched")
    owner = await web.owner("watched")
    before = await web.query("SELECT count(*) FROM proxy_failover_events")
    owner.blind.touch()

    async def hands_over() -> bool:
        owned = await web.query(
            "SELECT 1 FROM leases JOIN replicas USING (replica_id) WHERE name = $1", owner.name
        )
        return owned == [] and "doubting ourselves" in owner.log.read_text(errors="replace")

    async def all_are_well() -> bool:
        view = await web.proxy("watched")
        return view.owner != owner.name and all(i.health == "healthy" for i in view.instances)

    try:
        await eventually(hands_over)
        assert await web.query("SELECT count(*) FROM proxy_failover_events") == before
        told = await web.data_of("GET", "/replicas")
        assert [each["name"] for each in told if each["doubt"]] == [owner.name]
        # What the blind one believed went with the lease; its successor has to see for itself who is well.
        await eventually(all_are_well)
        web.backends["shared-1"].kill()
        event = await web.settled("shared-2", "watched")
        assert event.event_type is EventType.FAILOVER
    finally:
        owner.blind.unlink()
        await revive(web, "shared-1")


async def kill_active_at(web: Company, replica: Serving) -> str:
    """As `kill_active`, by what this replica knows."""
    view = await web.proxy(at=replica)
    name = view.name_of(view.active_id)
    web.backends[name].kill()
    return name


def moved_at(web: Company, replica: Serving, former: str) -> Callable[[], Awaitable[bool]]:
    """Whether this replica knows somebody else as active, and of no open move."""

    async def so() -> bool:
        view = await web.proxy(at=replica)
        return view.name_of(view.active_id) != former and view.open_event is None

    return so
