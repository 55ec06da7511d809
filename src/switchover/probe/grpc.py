"""gRPC: the health service (grpc.health.v1, GRPC Health Checking Protocol) answers SERVING, over plaintext HTTP/2.

HealthCheckRequest {string service = 1} and HealthCheckResponse {enum status = 1} have the wire format of protobuf's
StringValue and Int32Value; no package that we need ships their own classes.
"""

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from google.protobuf.wrappers_pb2 import Int32Value, StringValue

from switchover.probe.attempt import Attempt
from switchover.probe.connection import connect
from switchover.probe.faults import own_fault_named_in
from switchover.probe.finding import Code, Finding

_CHECK = "/grpc.health.v1.Health/Check"
_STATUS_NAMES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
_SERVING = 1
_CONNECTING_FAILED = "failed to connect to all addresses"
"""How the library begins what it says about its own side of a connection that never was."""
_OPTIONS = (
    # A connection of the probe's own: a shared one would carry its backoff from probe to probe.
    ("grpc.use_local_subchannel_pool", 1),
    # An environment's http_proxy would answer for the instance.
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),
    ("grpc.max_receive_message_length", 4096),
)


async def probe_grpc(attempt: Attempt) -> Finding:
    """Ask the health service for `check.service`; SERVING passes. Connections end by the deadline at the latest.

    A bare connection is made and closed first: the library tells why it could not connect in words alone, the
    operating system by number, and only numbers tell a refusal from a lack of file descriptors for sure.

    Raises:
        OSError: As the operating system says it.
    """
    (await connect(attempt)).close()
    target = (
        f"ipv6:[{attempt.ip}]:{attempt.port}" if ":" in attempt.ip else f"ipv4:{attempt.ip}:{attempt.port}"
    )
    milliseconds = max(1, round(attempt.timeout_seconds * 1000))
    options = (
        *_OPTIONS,
        ("grpc.default_authority", str(attempt.address)),
        # Both together limit a connection's beginning, which closing the channel does not end: by default the socket
        # of a peer that accepts and says nothing would stay for 20 s.
        ("grpc.min_reconnect_backoff_ms", milliseconds),
        ("grpc.initial_reconnect_backoff_ms", milliseconds),
    )
    async with grpc.aio.insecure_channel(target, options=options) as channel:
        # No deserializer: the library would log an answer that cannot be read, and return None for it.
        ask: grpc.aio.UnaryUnaryMultiCallable[StringValue, bytes] = channel.unary_unary(
            _CHECK, request_serializer=StringValue.SerializeToString, response_deserializer=None
        )
        try:
            answer = await ask(StringValue(value=attempt.check.service))
        except grpc.aio.AioRpcError as error:
            return _failed(error)
    return _judge(answer)


def _judge(answer: bytes) -> Finding:
    try:
        status = Int32Value.FromString(answer).value
    except DecodeError:
        return Finding.failed(Code.GRPC, "the answer is not a HealthCheckResponse")
    name = _STATUS_NAMES.get(status, str(status))
    if status == _SERVING:
        return Finding.passed(name)
    return Finding.failed(Code.NOT_SERVING, f"answered {name}")


def _failed(error: grpc.aio.AioRpcError) -> Finding:
    words = error.details() or ""
    if error.code() is grpc.StatusCode.UNAVAILABLE and words.startswith(_CONNECTING_FAILED):
        own = own_fault_named_in(words)
        if own is not None:
            return Finding.inconclusive(own, words)
    return Finding.failed(Code.GRPC, f"{error.code().name}: {words}")
