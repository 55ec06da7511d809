"""ADS and LRS as grpc services, for those whom one doorkeeper lets in."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import grpc
import grpc.aio

from switchover.model.clock import Clock
from switchover.switch.envoy import messages
from switchover.switch.envoy.ads import Context as AdsContext
from switchover.switch.envoy.ads import serve_stream
from switchover.switch.envoy.door import Doorkeeper
from switchover.switch.envoy.freshness import Freshness
from switchover.switch.envoy.load_reports import Context as LoadReportContext
from switchover.switch.envoy.load_reports import serve_load_reports

_ADS = "envoy.service.discovery.v3.AggregatedDiscoveryService"
_LRS = "envoy.service.load_stats.v3.LoadReportingService"
_END_DEADLINE_SECONDS = 2.0
_OPTIONS = (
    # A node that stands still (SIGSTOP, a dead host) must show as away: without pings its stream lives for ever.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    # What ends the stream of one that does not answer a ping is this (measured); by default it takes a minute.
    ("grpc.http2.ping_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # The node pings too; by default a server hangs up on one that does so often.
    ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
    ("grpc.http2.max_ping_strikes", 0),
    # A response names every proxy; the default of 4 MB would be met at some 20,000.
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.so_reuseport", 0),
)


class XdsService:
    """One grpc server at a time.

    Args:
        doorkeeper: Who may come in.
        freshness: Whether we know what other replicas may have told a node.
        clock: For waiting.
        report_interval_seconds: How often nodes account for their traffic.
    """

    def __init__(
        self, doorkeeper: Doorkeeper, freshness: Freshness, clock: Clock, *, report_interval_seconds: float
    ) -> None:
        self._doorkeeper = doorkeeper
        self._freshness = freshness
        self._clock = clock
        self._report_interval_seconds = report_interval_seconds
        self._ending = asyncio.Event()

    @asynccontextmanager
    async def serving(self, add_port: Callable[[grpc.aio.Server], object]) -> AsyncIterator[None]:
        """Serve on the port that `add_port` adds, for the length of the block. Nodes keep what they have afterwards.

        Raises:
            RuntimeError: The port cannot be bound.
        """
        server = grpc.aio.server(options=_OPTIONS)
        server.add_generic_rpc_handlers((self._ads(), self._lrs()))
        add_port(server)
        await server.start()
        self._ending.clear()
        try:
            # Not `wait_for_termination`: cancelling it breaks `stop`, which then returns before the server has ended.
            yield
        finally:
            # Streams never end by themselves, and nodes do not mind; one that grpc has to cut leaves a traceback.
            self._ending.set()
            await server.stop(grace=_END_DEADLINE_SECONDS)

    async def _until_ending(self, serving: Coroutine[None, None, None]) -> None:
        """Serve a stream until it is over or the server ends."""
        try:
            async with asyncio.TaskGroup() as group:
                stream = group.create_task(serving)
                ending = group.create_task(self._ending.wait())
                await asyncio.wait({stream, ending}, return_when=asyncio.FIRST_COMPLETED)
                stream.cancel()
                ending.cancel()
        except BaseExceptionGroup as failed:
            # grpc knows the error of `abort` only as itself.
            raise failed.exceptions[0] from None

    def _ads(self) -> grpc.GenericRpcHandler:
        async def stream(_: object, context: AdsContext) -> None:
            await self._until_ending(serve_stream(context, self._doorkeeper, self._freshness, self._clock))

        handler = grpc.stream_stream_rpc_method_handler(
            stream,
            request_deserializer=messages.decode_request,
            response_serializer=messages.encode_response,
        )
        return grpc.method_handlers_generic_handler(_ADS, {"DeltaAggregatedResources": handler})

    def _lrs(self) -> grpc.GenericRpcHandler:
        async def stream(_: object, context: LoadReportContext) -> None:
            await self._until_ending(
                serve_load_reports(context, self._doorkeeper, self._report_interval_seconds)
            )

        handler = grpc.stream_stream_rpc_method_handler(
            stream,
            request_deserializer=messages.decode_load_report,
            response_serializer=messages.encode_load_report_order,
        )
        return grpc.method_handlers_generic_handler(_LRS, {"StreamLoadStats": handler})
