"""What fails: the envelope, the codes, and what nobody is told."""

from collections.abc import AsyncIterator

import pytest
import structlog
from tests.api_world import BODIES, BY_NAME, ApiWorld, api_world, assert_error, broken_api, path_of

from switchover.api.app import ApiSettings
from switchover.api.auth.roles import Role
from switchover.api.errors import BodyTooLarge
from switchover.api.limits import RateLimit
from switchover.api.operations import OPERATIONS
from switchover.model.errors import Overloaded, StoreUnavailable

TOO_LARGE = 20_000
SMALL = ApiSettings(version="0.0.0", most_body_bytes=TOO_LARGE, rate_limit=RateLimit(per_second=1, burst=3))


def number_of(code: str) -> int:
    return int(code.removeprefix("PROXY_FAILOVER_"))


@pytest.mark.parametrize("name", BY_NAME)
async def test_our_own_fault_tells_a_request_id_and_nothing_else(name: str) -> None:
    operation = OPERATIONS[name]
    async with broken_api(RuntimeError("password=hunter2 at /var/lib")) as http:
        with structlog.testing.capture_logs() as logged:
            response = await http.request(operation.method, path_of(operation), json=BODIES.get(name))
    error = assert_error(response, 500, number_of(operation.codes.failed))
    assert error["message"] == "internal error"
    assert error["details"] == {"requestId": response.headers["x-request-id"]}
    assert any(entry["log_level"] == "error" and entry.get("fault") == "ours" for entry in logged)


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("kind", [StoreUnavailable, Overloaded])
async def test_what_may_be_tried_again_says_when(
    name: str, kind: type[StoreUnavailable] | type[Overloaded]
) -> None:
    operation = OPERATIONS[name]
    async with broken_api(kind("disk I/O error on /var/lib", retry_after_seconds=7)) as http:
        response = await http.request(operation.method, path_of(operation), json=BODIES.get(name))
    error = assert_error(response, 503, number_of(operation.codes.failed))
    assert response.headers["retry-after"] == "7"
    assert "/var" not in response.text
    assert error["details"] == {"requestId": response.headers["x-request-id"]}


async def test_an_error_outside_of_operations_is_no_bare_error_either() -> None:
    async with broken_api(RuntimeError("hunter2")) as http:
        assert assert_error(await http.get("/readyz"), 500, 32)["message"] == "internal error"


@pytest.mark.parametrize("name", [name for name in BY_NAME if "{" in OPERATIONS[name].path])
async def test_ids_in_paths_are_checked(world: ApiWorld, name: str) -> None:
    operation = OPERATIONS[name]
    path = path_of(operation, proxy_id="-web", instance_id="web-1", event_id="12")
    response = await world.call(operation.method, path, BODIES.get(name), user="root")
    error = assert_error(response, 400, number_of(operation.codes.invalid))
    field = operation.path.partition("{")[2].partition("}")[0]
    assert [problem["field"] for problem in error["details"]["problems"]] == [field]


@pytest.mark.parametrize("name", BODIES)
async def test_every_kind_of_broken_body_is_an_invalid_request(world: ApiWorld, name: str) -> None:
    operation = OPERATIONS[name]
    number = number_of(operation.codes.invalid)
    broken = (
        b"",
        b"null",
        b"{",
        b"[]",
        b"5",
        b'"text"',
        b'{"x": NaN}',
        b'{"x": Infinity}',
        b'{"x": 1, "x": 2}',
        b'{"\\ud800": 1}',
        b'{"x": "\xff"}',
        b"[" * 10_000,
        b'{"x": ' + b"9" * 5_000 + b"}",
        b'{"surprise": 1}',
    )
    for body in broken:
        response = await world.call(
            operation.method,
            path_of(operation),
            user="root",
            content=body,
            headers={"content-type": "application/json"},
        )
        error = assert_error(response, 400, number)
        assert error["details"]["problems"], body


@pytest.mark.parametrize("name", BODIES)
async def test_bodies_that_claim_to_be_something_else_are_not_read(world: ApiWorld, name: str) -> None:
    operation = OPERATIONS[name]
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/jsonp",
        "",
    ):
        response = await world.call(
            operation.method, path_of(operation), user="root", content=b"{}", headers={"content-type": kind}
        )
        assert_error(response, 415, 29)


async def test_json_by_another_name_is_read(world: ApiWorld) -> None:
    for kind in ("application/json; charset=utf-8", "APPLICATION/JSON", "application/merge-patch+json"):
        response = await world.call(
            "POST", "/proxy/failover/config", content=b'{"proxyId": "web"}', headers={"content-type": kind}
        )
        assert response.status_code == 201


async def test_every_problem_of_a_request_is_listed_with_its_field(world: ApiWorld) -> None:
    body = {
        "proxyID": "web",
        "config": {"unhealthyThreshold": "3", "listener": {"port": 0}, "healthCheck": {"pathh": "/"}},
    }
    error = assert_error(await world.call("POST", "/proxy/failover/config", body), 400, 1)
    problems = {problem["field"]: problem for problem in error["details"]["problems"]}
    assert problems.keys() == {
        "proxyId",
        "proxyID",
        "config.unhealthyThreshold",
        "config.listener.port",
        "config.healthCheck.pathh",
    }
    assert problems["config.unhealthyThreshold"]["value"] == "3"
    assert "1 to 100" in problems["config.unhealthyThreshold"]["allowed"]
    assert "did you mean proxyId?" in problems["proxyID"]["allowed"]
    assert "did you mean path?" in problems["config.healthCheck.pathh"]["allowed"]


@pytest.mark.parametrize(
    ("path", "number", "field"),
    [
        ("/proxy?limit=0", 33, "limit"),
        ("/proxy?limit=501", 33, "limit"),
        ("/proxy?limit=five", 33, "limit"),
        ("/proxy?limit=5.0", 33, "limit"),
        ("/proxy?limit=%2B5", 33, "limit"),
        ("/proxy?after=-", 33, "after"),
        ("/proxy?limt=5", 33, "limt"),
        ("/proxy/web/failover/events?limit=501", 19, "limit"),
        ("/proxy/web/failover/events?limit=0", 19, "limit"),
        ("/proxy/web?x=1", 31, "x"),
        (f"/proxy/instances/{'0' * 8}-0000-7000-8000-{'0' * 12}/metrics?since=yesterday", 41, "since"),
        (f"/proxy/instances/{'0' * 8}-0000-7000-8000-{'0' * 12}/metrics?limit=1001", 41, "limit"),
    ],
)
async def test_parameters_are_checked(world: ApiWorld, path: str, number: int, field: str) -> None:
    error = assert_error(await world.call("GET", path), 400, number)
    assert [problem["field"] for problem in error["details"]["problems"]] == [field]


@pytest.mark.parametrize(
    "path", ["/", "/proxies", "/proxy/", "/proxy/web/", "/proxy/web/nothing", "/proxy//instances"]
)
async def test_an_unknown_path_gets_the_envelope(world: ApiWorld, path: str) -> None:
    assert_error(await world.call("GET", path), 404, 26)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/proxy/instances", "POST"),
        ("PATCH", "/proxy/web", "DELETE, GET"),
        ("POST", "/proxy/web/redundancy", "GET, PUT"),
        ("GET", f"/proxy/instances/{'0' * 8}-0000-7000-8000-{'0' * 12}", "DELETE, PATCH"),
        ("DELETE", "/proxy/failover/config", "POST"),
        ("POST", "/healthz", "GET"),
    ],
)
async def test_another_method_is_told_which_are_allowed(
    world: ApiWorld, method: str, path: str, allowed: str
) -> None:
    response = await world.call(method, path)
    assert_error(response, 405, 27)
    assert response.headers["allow"] == allowed


@pytest.mark.parametrize("word", ["failover", "instances"])
async def test_reserved_words_are_no_proxies(world: ApiWorld, word: str) -> None:
    for suffix in ("/redundancy", "/failover/events", "/pin"):
        assert (await world.call("GET", f"/proxy/{word}{suffix}")).status_code in {404, 405}
    assert_error(await world.call("POST", "/proxy/failover/config", {"proxyId": word}), 400, 1)
    assert_error(await world.call("GET", f"/proxy/failover/config/{word}"), 400, 31)


async def test_a_body_has_a_largest_size_however_it_is_sent() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b" " * 1000

    async with api_world(settings=SMALL) as world:
        for content in (b" " * (TOO_LARGE + 1), chunks()):
            response = await world.call(
                "POST",
                "/proxy/failover/config",
                content=content,
                headers={"content-type": "application/json"},
            )
            assert assert_error(response, 413, 28)["message"] == str(BodyTooLarge(TOO_LARGE))


async def test_who_asks_too_fast_is_told_when_to_go_on() -> None:
    async with api_world(settings=SMALL) as world:
        for _ in range(3):
            assert (await world.call("GET", "/proxy")).status_code == 200
        response = await world.call("GET", "/proxy")
        assert_error(response, 429, 30)
        assert response.headers["retry-after"] == "1"
        # Others are not held up, and time mends it.
        assert (await world.call("GET", "/proxy", user="eve")).status_code == 200
        await world.bench.clock.advance(1)
        assert (await world.call("GET", "/proxy")).status_code == 200


async def test_every_answer_names_its_request(world: ApiWorld) -> None:
    named = await world.call("GET", "/proxy", headers={"x-request-id": "from-the-client.1"})
    assert named.headers["x-request-id"] == "from-the-client.1"
    for unfit in ("a b", "x" * 65, '"', ""):
        renamed = await world.call("GET", "/proxy", headers={"x-request-id": unfit})
        assert renamed.headers["x-request-id"] not in {unfit, ""}
    first, second = [(await world.http.get("/healthz")).headers["x-request-id"] for _ in range(2)]
    assert first != second
    assert named.headers["cache-control"] == "no-store"


async def test_the_log_names_request_and_user_and_never_the_token(world: ApiWorld) -> None:
    token = world.token("ann", Role.USER)
    forged = token[:-4] + "AAAA"
    processors = [structlog.contextvars.merge_contextvars]
    with structlog.testing.capture_logs(processors=processors) as logged:
        for bearer in (token, forged):
            await world.http.post(
                "/proxy/failover/config",
                json={"proxyId": "web"},
                headers={"authorization": f"Bearer {bearer}", "x-request-id": "one"},
            )
        await world.call("GET", "/nodes", headers={"x-request-id": "one"})
    told = [entry for entry in logged if entry["event"] == "request"]
    assert [(entry["status"], entry["user"]) for entry in told] == [
        (201, "ann"),
        (401, None),
        (403, "ann"),
    ]
    assert {entry["request_id"] for entry in logged if entry["event"] in {"request", "token refused"}} == {
        "one"
    }
    assert token not in str(logged)
    assert forged not in str(logged)
