"""Every answer that the document of an operation names is given, with its code; nothing is documented in vain."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.api_world import BODIES, BY_NAME, NOBODY, ApiWorld, api_world, assert_error, broken_api, path_of

from switchover.api.app import ApiSettings
from switchover.api.auth.roles import GRANTS, Role
from switchover.api.contract import documented_responses
from switchover.api.errors import Code
from switchover.api.examples import SUCCESSES
from switchover.api.limits import RateLimit
from switchover.api.operations import OPERATIONS
from switchover.api.operations.operation import Operation
from switchover.model.errors import Conflict, StoreUnavailable

MOST_BODY_BYTES = 10_000
JSON = dict[str, Any]


class Place:
    """A proxy `web` of ann's with two healthy instances and its events; `ask` fills in what an operation needs."""

    def __init__(self, world: ApiWorld, ids: JSON, event_id: str) -> None:
        self.world = world
        self.first, self.second = ids["web-1"], ids["web-2"]
        self._event_id = event_id

    async def ask(
        self, operation: Operation, body: JSON | None = None, *, user: str = "root", **more: Any
    ) -> httpx.Response:
        """Send it, by default with everything in it right."""
        path = more.pop("path", None) or path_of(
            operation, instance_id=more.pop("instance_id", self.second), event_id=self._event_id
        )
        if "content" not in more:
            body = body if body is not None else self.body_of(operation)
        return await self.world.call(operation.method.value, path, body, user=user, **more)

    async def fail_with_a_recovery_action(self) -> None:
        """Let there be something to recover, and somebody to call for it."""
        action = {"recoveryAction": {"type": "webhook", "url": "https://ops.example/"}}
        config = {"proxyId": "web", "config": action | {"enableAutoRecovery": False}}
        await self.world.done("POST", "/proxy/failover/config", config)
        unhealthy = {"healthStatus": "unhealthy"}
        await self.world.done("PUT", f"/proxy/instances/{self.second}/health", unhealthy)

    def body_of(self, operation: Operation) -> JSON | None:
        """A body that succeeds."""
        if operation.name == "executeFailover":
            return {"proxyId": "web", "sourceInstanceId": self.first, "targetInstanceId": self.second}
        return BODIES.get(operation.name)


async def place_in(world: ApiWorld) -> Place:
    ids = await world.proxy("web-1", "web-2")
    (activation,) = await world.done("GET", "/proxy/web/failover/events")
    return Place(world, ids, activation["id"])


async def succeeds(place: Place, operation: Operation) -> httpx.Response:
    if operation.name == "removeGate":
        await place.ask(OPERATIONS["setGate"])
    at = (place.world.bench.clock.now() + timedelta(hours=1)).isoformat()
    if operation.name == "cancelSwitchover":
        body = {"proxyId": "web", "scheduledFor": at}
        await place.world.done("POST", "/proxy/failover/switchover", body, user="root")
    if operation.name == "cancelDrill":
        await place.world.done("POST", "/proxy/web/drills", {"scheduledFor": at}, user="root")
    if operation.name == "recoverInstance":
        await place.fail_with_a_recovery_action()
    return await place.ask(operation)


async def is_not_valid(place: Place, operation: Operation) -> httpx.Response:
    return await place.ask(operation, path=f"{path_of(operation)}?surprise=1")


async def has_no_token(place: Place, operation: Operation) -> httpx.Response:
    return await place.world.http.request(operation.method.value, path_of(operation))


async def has_no_role(place: Place, operation: Operation) -> httpx.Response:
    return await place.ask(operation, user="ann", roles=())


async def names_what_does_not_exist(place: Place, operation: Operation) -> httpx.Response:
    body = place.body_of(operation)
    if "{gate}" in operation.path:
        return await place.ask(operation, user="eve")
    return await place.ask(
        operation,
        body | {"proxyId": "other"} if body and "proxyId" in body else body,
        path=path_of(operation, proxy_id="other", instance_id=NOBODY, event_id=NOBODY),
    )


async def names_a_reserved_word(place: Place, operation: Operation) -> httpx.Response:
    return await place.ask(operation, path=path_of(operation, proxy_id="instances"))


CONTRADICTIONS: Mapping[str, Callable[[Place], JSON]] = {
    "registerInstance": lambda _: {"proxyId": "web", "instanceData": {"instanceName": "web-1"}},
    "executeFailover": lambda place: {
        "proxyId": "web", "sourceInstanceId": place.second, "targetInstanceId": place.first
    },
    "completeFailoverEvent": lambda _: {"status": "failed"},
    "declareRedundancy": lambda place: {"activeInstanceId": place.second},
    "changeInstance": lambda _: {"instanceName": "web-1"},
    "switchOver": lambda place: {"proxyId": "web", "targetInstanceId": place.first},
}  # fmt: skip
"""Operations that contradict the state of a place → how."""


async def contradicts_the_state(place: Place, operation: Operation) -> httpx.Response:
    if operation.name == "saveConfiguration":
        return await place.ask(operation, user="eve")
    if operation.name in CONTRADICTIONS:
        return await place.ask(operation, CONTRADICTIONS[operation.name](place))
    # Only who is overtaken by another replica meets it.
    return await of_a_broken_service(operation, Conflict("it was changed meanwhile", {"epoch": 2}))


async def is_too_large(place: Place, operation: Operation) -> httpx.Response:
    kind = {"content-type": "application/json"}
    return await place.ask(operation, content=b" " * (MOST_BODY_BYTES + 1), headers=kind)


async def is_not_json(place: Place, operation: Operation) -> httpx.Response:
    return await place.ask(operation, content=b"{}", headers={"content-type": "text/plain"})


async def is_one_too_many(_: Place, operation: Operation) -> httpx.Response:
    limits = ApiSettings(version="0.0.0", rate_limit=RateLimit(per_second=1, burst=1))
    async with api_world(settings=limits) as world:
        await world.call("GET", "/nodes", user="root")
        return await world.call(operation.method.value, path_of(operation), user="root")


async def meets_a_fault_of_ours(_: Place, operation: Operation) -> httpx.Response:
    return await of_a_broken_service(operation, RuntimeError("broken"))


async def meets_a_store_that_is_away(_: Place, operation: Operation) -> httpx.Response:
    return await of_a_broken_service(operation, StoreUnavailable("away", retry_after_seconds=1))


async def of_a_broken_service(operation: Operation, error: Exception) -> httpx.Response:
    async with broken_api(error) as http:
        return await http.request(operation.method.value, path_of(operation), json=BODIES.get(operation.name))


REQUESTS: Mapping[int | str, Callable[[Place, Operation], Awaitable[httpx.Response]]] = {
    200: succeeds,
    201: succeeds,
    400: is_not_valid,
    401: has_no_token,
    403: has_no_role,
    404: names_what_does_not_exist,
    405: names_a_reserved_word,
    409: contradicts_the_state,
    413: is_too_large,
    415: is_not_json,
    429: is_one_too_many,
    500: meets_a_fault_of_ours,
    503: meets_a_store_that_is_away,
}
"""Status → the request that gets it, of whatever operation."""


def code_of(answer: JSON) -> Code:
    return Code(answer["content"]["application/json"]["example"]["error"]["code"])


@pytest.mark.parametrize("name", BY_NAME)
async def test_every_answer_that_is_documented_is_given(name: str) -> None:
    operation = OPERATIONS[name]
    settings = ApiSettings(version="0.0.0", most_body_bytes=MOST_BODY_BYTES, rate_limit=None)
    async with api_world(settings=settings) as world:
        place = await place_in(world)
        documented = documented_responses(operation)
        # The success comes last: some of them end what the others ask about.
        for status in sorted(documented, reverse=True):
            response = await REQUESTS[status](place, operation)
            if status == operation.success:
                assert response.status_code == status, response.text
                assert "data" in response.json()
            else:
                number = int(code_of(documented[status]).removeprefix("PROXY_FAILOVER_"))
                assert_error(response, int(status), number)


def test_every_code_is_documented_by_an_operation_or_belongs_to_none() -> None:
    documented = {
        code_of(answer)
        for operation in OPERATIONS.values()
        for status, answer in documented_responses(operation).items()
        if status != operation.success
    }
    assert set(Code) - documented == {Code.ROUTE_NOT_FOUND, Code.REQUEST_FAILED}


async def test_codes_that_belong_to_no_operation(world: ApiWorld) -> None:
    assert_error(await world.call("GET", "/nowhere"), 404, 26)
    async with broken_api(RuntimeError("broken")) as http:
        assert_error(await http.get("/readyz"), 500, 32)


OWN = sorted(name for name in BY_NAME if OPERATIONS[name].permission in GRANTS[Role.USER].permissions)


@pytest.mark.parametrize("name", OWN)
async def test_what_belongs_to_somebody_else_is_answered_as_if_it_did_not_exist(name: str) -> None:
    operation = OPERATIONS[name]
    async with api_world() as world:
        place = await place_in(world)
        before = await world.done("GET", "/proxy/web")
        response = await place.ask(operation, user="eve")
        if name == "listProxies":
            assert response.json() == {"data": [], "count": 0, "total": 0, "nextAfter": None}
        elif name == "saveConfiguration":
            assert "ann" not in str(assert_error(response, 409, 20))
        else:
            code = code_of(documented_responses(operation)[404])
            assert_error(response, 404, int(code.removeprefix("PROXY_FAILOVER_")))
        assert await world.done("GET", "/proxy/web") == before


async def test_the_document_shows_a_success_of_every_operation_whole(world: ApiWorld) -> None:
    document = (await world.http.get("/openapi.json")).json()
    shown = {
        described["operationId"]: described["responses"][
            str(OPERATIONS[described["operationId"]].success.value)
        ]["content"]["application/json"]["example"]
        for path in document["paths"].values()
        for described in path.values()
    }
    assert shown == SUCCESSES
