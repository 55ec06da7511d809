"""Serves one delta ADS stream: one reader, one writer, one watchdog around a `DeltaSession`."""

import asyncio
from typing import NoReturn

import grpc
import grpc.aio
import structlog

from switchover.model.clock import Clock
from switchover.switch.envoy.door import SENT_AWAY, Doorkeeper
from switchover.switch.envoy.driver import Connection, EnvoyDriver
from switchover.switch.envoy.freshness import Freshness
from switchover.switch.envoy.messages import DeltaRequest, DeltaResponse

_log = structlog.get_logger(__name__)

LISTEN_DEADLINE_SECONDS = 15.0
"""How long a stream may go without asking for clusters and listeners.

Envoy has been seen to forget one of them after a reconnect (envoyproxy/envoy#34334, #36951); a new stream mends it.
"""

LOOK_AGAIN_SECONDS = 1.0
"""How long after a look into the store that failed there is another."""

# `read` gives a DeltaRequest or, at the end, `grpc.aio.EOF`, of which the type stubs know nothing.
Context = grpc.aio.ServicerContext[object, DeltaResponse]


class _StreamOver(Exception):  # noqa: N818 - it ends a stream's tasks; nothing failed
    """One of a stream's tasks found that the stream is over."""

    def __init__(self, code: grpc.StatusCode, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words


async def serve_stream(context: Context, doorkeeper: Doorkeeper, freshness: Freshness, clock: Clock) -> None:
    """Serve a stream until the node ends it, or a newer stream of the same node takes its place.

    Only the first request names the node. It is answered after a look into the store, where there are other replicas
    that may have told the node what we do not know.
    """
    request = await context.read()
    if not isinstance(request, DeltaRequest):
        return  # the node hung up before it said anything
    driver = await doorkeeper.admit(context, request.node_id)
    # By itself, while nothing can interrupt it: the first write would bring it along, and once that was cancelled in the
    # middle grpc refuses to end the stream, so that the node would wait on it for ever.
    await context.send_initial_metadata(())
    await driver.opened()
    sent_away = driver.sent_away
    connection = driver.connect(fresh=await freshness.look())
    _log.info("node_connected", node_id=driver.node_id, fresh=connection.session.is_fresh)
    over: _StreamOver | None = None
    try:
        driver.receive(connection, request)
        async with asyncio.TaskGroup() as group:
            group.create_task(_read(context, driver, connection))
            group.create_task(_write(context, connection))
            group.create_task(_watch(connection, clock))
            group.create_task(_until_replaced(connection))
            group.create_task(_until_sent_away(sent_away))
            group.create_task(_until_fresh(driver, connection, freshness, clock))
    except* _StreamOver as ends:
        over = _first(ends)
    finally:
        driver.disconnect(connection)
        _log.info("node_disconnected", node_id=driver.node_id, words=over.words if over else "")
    if over is not None and over.code is not grpc.StatusCode.OK:
        await context.abort(over.code, over.words)


async def _read(context: Context, driver: EnvoyDriver, connection: Connection) -> NoReturn:
    while True:
        request = await context.read()
        if not isinstance(request, DeltaRequest):
            raise _StreamOver(grpc.StatusCode.OK, "the node ended the stream")
        driver.receive(connection, request)


async def _write(context: Context, connection: Connection) -> NoReturn:
    # While a write waits for a slow node, changes gather in the session and go out as one response.
    while True:
        await connection.wake.wait()
        connection.wake.clear()
        for response in connection.session.responses():
            await context.write(response)


async def _watch(connection: Connection, clock: Clock) -> None:
    await clock.sleep(LISTEN_DEADLINE_SECONDS)
    if not connection.session.listens:
        raise _StreamOver(
            grpc.StatusCode.UNAVAILABLE, "the node did not ask for clusters and listeners; connect again"
        )


async def _until_replaced(connection: Connection) -> NoReturn:
    await connection.replaced.wait()
    raise _StreamOver(grpc.StatusCode.ABORTED, "a newer stream of this node took its place")


async def _until_sent_away(sent_away: asyncio.Event) -> NoReturn:
    await sent_away.wait()
    raise _StreamOver(grpc.StatusCode.UNAVAILABLE, SENT_AWAY)


async def _until_fresh(
    driver: EnvoyDriver, connection: Connection, freshness: Freshness, clock: Clock
) -> None:
    while not connection.session.is_fresh:
        await clock.sleep(LOOK_AGAIN_SECONDS)
        if await freshness.look():
            driver.freshen(connection)


def _first(group: BaseExceptionGroup[_StreamOver]) -> _StreamOver:
    inner = group.exceptions[0]
    return inner if isinstance(inner, _StreamOver) else _first(inner)
