"""Who is let in: every operation, every role, every kind of token that is not valid."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import jwt
import pytest
from tests.api_world import BODIES, BY_NAME, SECRET, ApiWorld, assert_error, claims_of, path_of

from switchover.api.auth.roles import GRANTS, Role
from switchover.api.operations import OPERATIONS
from switchover.api.operations.operation import Operation

ROLES: tuple[tuple[Role, ...], ...] = (
    (Role.ADMIN,),
    (Role.USER,),
    (Role.VIEWER,),
    (Role.VIEWER, Role.USER),
    (),
)


async def send(world: ApiWorld, operation: Operation, **headers: str) -> Any:
    return await world.http.request(
        operation.method.value, path_of(operation), headers=headers, json=BODIES.get(operation.name)
    )


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("roles", ROLES, ids=lambda roles: "+".join(roles) or "none")
async def test_a_role_may_do_what_it_grants_and_nothing_else(
    world: ApiWorld, name: str, roles: tuple[Role, ...]
) -> None:
    operation = OPERATIONS[name]
    response = await send(world, operation, authorization=f"Bearer {world.token('ann', *roles)}")
    if any(operation.permission in GRANTS[role].permissions for role in roles):
        # What it names does not exist here, or it succeeds: in any case the door was open.
        assert response.status_code in {200, 201, 404}, response.text
    else:
        error = assert_error(response, 403, 25)
        assert operation.permission.value in error["message"]
        assert 'error="insufficient_scope"' in response.headers["www-authenticate"]


@pytest.mark.parametrize("name", BY_NAME)
async def test_without_a_token_nothing_is_answered(world: ApiWorld, name: str) -> None:
    response = await send(world, OPERATIONS[name])
    assert_error(response, 401, 24)
    # RFC 6750 section 3.1: no error code for who sent no credentials.
    assert response.headers["www-authenticate"] == 'Bearer realm="switchover"'


def encode(claims: dict[str, Any], key: Any = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, key, algorithm=algorithm)


def unsigned(claims: dict[str, Any], algorithm: str) -> str:
    parts = ({"alg": algorithm, "typ": "JWT"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join((*encoded, ""))


BAD_TOKENS: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "expired": lambda claims: encode(claims | {"exp": claims["iat"] - 3600}),
    "wrong key": lambda claims: encode(claims, SECRET[::-1]),
    "wrong algorithm": lambda claims: encode(claims, algorithm="HS512"),
    "none": lambda claims: unsigned(claims, "none"),
    "stripped": lambda claims: unsigned(claims, "HS256"),
    "wrong issuer": lambda claims: encode(claims | {"iss": "evil"}),
    "wrong audience": lambda claims: encode(claims | {"aud": "other"}),
    "no subject": lambda claims: encode({k: v for k, v in claims.items() if k != "sub"}),
    "no end": lambda claims: encode({k: v for k, v in claims.items() if k != "exp"}),
    "not yet": lambda claims: encode(claims | {"nbf": claims["iat"] + 3600}),
    "garbage": lambda _: "not.a.token",
}


@pytest.mark.parametrize("name", BY_NAME)
async def test_every_token_that_is_not_valid_gets_the_same_answer(world: ApiWorld, name: str) -> None:
    claims = claims_of(world.token("root", Role.ADMIN))
    answers = set()
    for make in BAD_TOKENS.values():
        response = await send(world, OPERATIONS[name], authorization=f"Bearer {make(claims)}")
        assert_error(response, 401, 24)
        answers.add((response.text, response.headers["www-authenticate"]))
    assert len(answers) == 1
    assert 'error="invalid_token"' in answers.pop()[1]


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YW5uOnNlY3JldA==", "Token x", "Bearer a b c", "bearer\tx"]
)
async def test_a_header_that_is_no_bearer_token_is_refused(world: ApiWorld, header: str) -> None:
    assert_error(await world.http.get("/proxy", headers={"authorization": header}), 401, 24)


async def test_two_tokens_are_no_token(world: ApiWorld) -> None:
    header = ("authorization", f"Bearer {world.token('root', Role.ADMIN)}")
    assert_error(await world.http.get("/proxy", headers=[header, header]), 401, 24)


async def test_the_scheme_is_read_in_any_case(world: ApiWorld) -> None:
    header = {"authorization": f"bEARER {world.token('ann', Role.USER)}"}
    assert (await world.http.get("/proxy", headers=header)).status_code == 200


async def test_a_token_in_the_query_is_none(world: ApiWorld) -> None:
    path = f"/proxy?access_token={world.token('root', Role.ADMIN)}"
    assert_error(await world.http.get(path), 401, 24)


async def test_who_has_no_token_is_not_told_what_is_wrong_with_the_body(world: ApiWorld) -> None:
    response = await world.http.post(
        "/proxy/failover/config", content=b"{", headers={"content-type": "text/plain"}
    )
    assert_error(response, 401, 24)


PROXY_PATHS = {
    "getConfiguration": 3,
    "listInstances": 21,
    "getRedundancy": 16,
    "listFailoverEvents": 21,
    "getProxy": 21,
    "deleteProxy": 21,
    "listBlockedMoves": 21,
    "getAutomation": 51,
    "resumeAutomation": 51,
    "clearSafetyRules": 51,
}


@pytest.mark.parametrize("name", PROXY_PATHS)
async def test_somebody_elses_proxy_is_as_if_it_did_not_exist(world: ApiWorld, name: str) -> None:
    await world.proxy("web-1")
    operation, number = OPERATIONS[name], PROXY_PATHS[name]
    theirs = await world.call(operation.method, path_of(operation), user="eve")
    missing = await world.call(operation.method, path_of(operation, proxy_id="web2"), user="eve")
    assert assert_error(theirs, 404, number)["message"] == (
        assert_error(missing, 404, number)["message"].replace("web2", "web")
    )


async def test_an_admin_reaches_everybodys_proxy_and_users_list_their_own(world: ApiWorld) -> None:
    await world.proxy("web-1")
    await world.done("POST", "/proxy/failover/config", {"proxyId": "shop"}, user="eve")
    listed = {user: await world.done("GET", "/proxy", user=user) for user in ("ann", "eve", "root")}
    assert {user: [item["proxyId"] for item in items] for user, items in listed.items()} == {
        "ann": ["web"],
        "eve": ["shop"],
        "root": ["shop", "web"],
    }
    assert (await world.done("GET", "/proxy/web", user="root"))["ownerId"] == "ann"


async def test_a_viewer_reads_their_own_and_changes_nothing(world: ApiWorld) -> None:
    await world.proxy("web-1")
    viewer = (Role.VIEWER,)
    assert (await world.done("GET", "/proxy/web", roles=viewer))["proxyId"] == "web"
    assert_error(await world.call("DELETE", "/proxy/web", roles=viewer), 403, 25)
    assert (await world.done("GET", "/proxy/web", roles=viewer))["proxyId"] == "web"


async def test_what_needs_no_token(world: ApiWorld) -> None:
    assert (await world.http.get("/healthz")).json() == {"status": "alive"}
    ready = await world.http.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "reasons": []})
    for path in ("/healthz", "/readyz"):
        asked = await world.http.head(path)
        assert (asked.status_code, asked.content) == (200, b"")
    assert (await world.http.get("/openapi.json")).json()["info"]["title"] == "switchover"
    page = await world.http.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    # The page works where there is no net.
    assert "://" not in page.text
