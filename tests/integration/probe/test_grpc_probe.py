"""The real gRPC library on both sides; the health service is written out by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
import grpc.aio
import pytest
from google.protobuf.wrappers_pb2 import Int32Value, StringValue
from tests.little_servers import answers, closed_port, little_server, stays_silent
from tests.probing import SHORT_SECONDS, ask, due

from switchover.model.observation import Outcome
from switchover.model.policy import CheckType, HealthCheck

GRPC = HealthCheck(type=CheckType.GRPC)
SERVING, NOT_SERVING = 1, 2
Refusal = tuple[grpc.StatusCode, str]


@dataclass(slots=True)
class HealthServer:
    """A gRPC server and what it was asked."""

    port: int = 0
    services: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def health_server(answer: bytes | Refusal) -> AsyncIterator[HealthServer]:
    """Serve the health service with `answer` as the encoded response, or as a status with words."""
    seen = HealthServer()

    async def check(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        seen.services.append(request)
        match answer:
            case bytes():
                return answer
            case status_code, words:
                await context.abort(status_code, words)
                raise AssertionError("abort raises")

    server = grpc.aio.server()
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(check)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": handler}),)
    )
    seen.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield seen
    finally:
        await server.stop(None)


def status(value: int) -> bytes:
    return Int32Value(value=value).SerializeToString()


async def test_serving_passes() -> None:
    async with health_server(status(SERVING)) as server:
        observation = await ask(due(server.port, GRPC))
    assert (observation.outcome, observation.code, observation.detail) == (Outcome.PASS, "ok", "SERVING")
    assert observation.resolved_host == "127.0.0.1"


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (status(NOT_SERVING), "answered NOT_SERVING"),
        (status(3), "answered SERVICE_UNKNOWN"),
        (status(0), "answered UNKNOWN"),
        (status(77), "answered 77"),
        (b"", "answered UNKNOWN"),
    ],
)
async def test_anything_but_serving_fails(answer: bytes, detail: str) -> None:
    async with health_server(answer) as server:
        observation = await ask(due(server.port, GRPC))
    assert (observation.outcome, observation.code, observation.detail) == (
        Outcome.FAIL,
        "not_serving",
        detail,
    )


@pytest.mark.parametrize("service", ["", "shop.Cart"])
async def test_the_service_is_asked_for_by_name(service: str) -> None:
    async with health_server(status(SERVING)) as server:
        await ask(due(server.port, HealthCheck(type=CheckType.GRPC, service=service)))
    assert [StringValue.FromString(asked).value for asked in server.services] == [service]


async def test_a_status_of_the_server_fails_and_its_words_become_one_line() -> None:
    async with health_server((grpc.StatusCode.NOT_FOUND, "in\x1b[2J the\nserver's words")) as server:
        observation = await ask(due(server.port, GRPC))
    assert (observation.outcome, observation.code) == (Outcome.FAIL, "grpc")
    assert observation.detail == "NOT_FOUND: in [2J the server's words"


async def test_the_instances_own_lack_of_descriptors_is_its_own_fault() -> None:
    async with health_server((grpc.StatusCode.UNAVAILABLE, "Too many open files")) as server:
        observation = await ask(due(server.port, GRPC))
    assert (observation.outcome, observation.code) == (Outcome.FAIL, "grpc")


async def test_garbage_for_an_answer_fails() -> None:
    async with health_server(b"\xff\xff\xff") as server:
        observation = await ask(due(server.port, GRPC))
    assert (observation.outcome, observation.code) == (Outcome.FAIL, "grpc")
    assert observation.detail == "the answer is not a HealthCheckResponse"


async def test_a_server_that_speaks_http_1_fails() -> None:
    async with little_server(answers(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")) as server:
        observation = await ask(due(server.port, GRPC))
    assert (observation.outcome, observation.code) == (Outcome.FAIL, "grpc")


async def test_nobody_listening_fails_as_refused() -> None:
    observation = await ask(due(closed_port(), GRPC))
    assert (observation.outcome, observation.code) == (Outcome.FAIL, "connect_refused")


async def test_a_server_that_says_nothing_fails_by_the_deadline() -> None:
    async with little_server(stays_silent) as server:
        observation = await ask(due(server.port, GRPC, seconds=SHORT_SECONDS))
    assert (observation.outcome, observation.code) == (Outcome.FAIL, "timeout")
