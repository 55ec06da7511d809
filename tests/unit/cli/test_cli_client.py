import json
import socket

import pytest
from tests.contract_record import TOKEN, Answer
from tests.contract_server import ContractServer

from switchover.cli.client import Api
from switchover.cli.failures import CommandFailed, ExitCode


def refused(status: int, message: str, **headers: str) -> Answer:
    error = {"code": "PROXY_FAILOVER_099", "message": message, "statusCode": status}
    return Answer(status, json.dumps({"error": error}).encode(), headers)


def failure_of(contract: ContractServer, answer: Answer) -> CommandFailed:
    contract.answers = [answer]
    with Api(contract.url, TOKEN) as api, pytest.raises(CommandFailed) as caught:
        api.proxy("web")
    assert TOKEN not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("answer", "message", "exit_code"),
    [
        (refused(400, "config.x: 1 is not valid"), "config.x: 1 is not valid (PROXY_FAILOVER_099)", 2),
        (refused(401, "expired"), "the token was refused: expired; `switchover token create` makes one", 1),
        (refused(403, "needs admin"), "the token's roles do not allow this: needs admin", 1),
        (refused(404, "proxy web not found"), "proxy web not found", 2),
        (refused(409, "web-1 is not the active"), "web-1 is not the active", 1),
        (refused(429, "slow down", **{"Retry-After": "7"}), "slow down; try again in 7 s", 1),
        (refused(503, "no database"), "no database; try again in a few s", 1),
    ],
)
def test_each_refusal_says_what_to_do(
    contract: ContractServer, answer: Answer, message: str, exit_code: int
) -> None:
    failure = failure_of(contract, answer)
    assert failure.message.startswith(message)
    assert failure.exit_code == exit_code


def test_an_internal_error_names_the_request(contract: ContractServer) -> None:
    error = {"code": "X", "message": "internal error", "details": {"requestId": "r-1"}}
    failure = failure_of(contract, Answer(500, json.dumps({"error": error}).encode()))
    assert "under request id r-1" in failure.message


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'"text"', b'{"error": "no"}', b'{"other": 1}'])
@pytest.mark.parametrize("status", [200, 502])
def test_an_answer_that_is_not_ours_says_so(contract: ContractServer, status: int, body: bytes) -> None:
    failure = failure_of(contract, Answer(status, body))
    assert f"answered {status} in words that are not switchover's; check --url" in failure.message


def test_a_redirect_is_not_followed(contract: ContractServer) -> None:
    failure_of(contract, Answer(307, b"", {"Location": "/elsewhere"}))
    assert [path for _, path, _ in contract.requests] == ["/proxy/web"]


def test_nobody_listening_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with Api(url, TOKEN) as api, pytest.raises(CommandFailed) as caught:
            api.proxy("web")
    assert caught.value.exit_code is ExitCode.UNREACHABLE
    assert caught.value.message == f"cannot reach {url}: connection refused; is it running?"


def test_silence_is_unreachable_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("switchover.cli.client.ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Api(url, TOKEN) as api, pytest.raises(CommandFailed) as caught:
            api.proxy("web")
    assert caught.value.exit_code is ExitCode.UNREACHABLE
    assert caught.value.message == f"cannot reach {url}: did not answer within 0.2 s"


def test_a_proxy_id_cannot_leave_its_place_in_the_path(contract: ContractServer) -> None:
    with Api(contract.url, TOKEN) as api, pytest.raises(CommandFailed):
        api.proxy("../nodes?x=1")
    assert contract.requests[0][1] == "/proxy/..%2Fnodes%3Fx%3D1"


@pytest.mark.parametrize("url", ["ftp://host", "host:8700", "http://", "", "http://h/?q=1", "http://h\x00"])
def test_an_address_of_another_shape_is_wrong_usage(url: str) -> None:
    with pytest.raises(CommandFailed, match="allowed is http:// or https://") as caught:
        Api(url, TOKEN)
    assert caught.value.exit_code is ExitCode.USAGE


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(CommandFailed) as caught:
        Api("http://user:secret@host", TOKEN)
    assert "secret" not in caught.value.message
