"""The contract of `TokenVerifier`, on a shared secret and on a key set fetched from a real server."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from tests.key_server import KeyServer, key_server, signing_key

from switchover.api.auth.keys import KeySet, KeySetTimes
from switchover.api.auth.principal import Principal
from switchover.api.auth.refusal import KeysUnavailable, TokenRefused
from switchover.api.auth.roles import Role
from switchover.api.auth.tokens import KeySetVerifier, SecretVerifier, TokenRules, TokenVerifier, issue_token
from switchover.testing.clock import ManualClock

SECRET = b"0123456789abcdef0123456789abcdef"
RULES = TokenRules(issuer="https://id.example", audience="switchover", roles_claim="realm_access.roles")


@dataclass(frozen=True)
class Authority:
    """A verifier, and who signs what it accepts."""

    verifier: TokenVerifier
    sign: Callable[[dict[str, Any]], str]
    forge: Callable[[dict[str, Any]], str]
    clock: ManualClock

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Valid claims with `changes`; a change to None leaves the claim out."""
        now = int(self.clock.now().timestamp())
        claims = {
            "sub": "ann",
            "iss": RULES.issuer,
            "aud": RULES.audience,
            "iat": now,
            "exp": now + 60,
            "realm_access": {"roles": ["user"]},
        } | changes
        return {name: value for name, value in claims.items() if value is not None}


@pytest.fixture(params=["HS256", "RS256", "ES256", "EdDSA"])
async def authority(request: pytest.FixtureRequest) -> AsyncIterator[Authority]:
    clock = ManualClock()
    if request.param == "HS256":
        yield Authority(
            SecretVerifier(SECRET, clock, RULES),
            lambda claims: jwt.encode(claims, SECRET),
            lambda claims: jwt.encode(claims, SECRET[::-1]),
            clock,
        )
        return
    key, other = signing_key("a", request.param), signing_key("a", request.param)
    async with key_server() as server:
        server.serve([key.public()])
        yield Authority(
            KeySetVerifier(KeySet(server.url, clock), [request.param], clock, RULES),
            key.sign,
            other.sign,
            clock,
        )


async def refused(authority: Authority, token: str) -> str:
    with pytest.raises(TokenRefused) as caught:
        await authority.verifier.verify(token)
    # Whatever is logged of a refusal, it is not the token.
    assert token not in str(caught.value)
    return caught.value.why


async def test_a_valid_token_names_its_bearer_and_roles(authority: Authority) -> None:
    roles = {"roles": ["user", "viewer", "printer-operator"]}
    token = authority.sign(authority.claims(realm_access=roles))
    assert await authority.verifier.verify(token) == Principal(
        user_id="ann", roles=frozenset({Role.USER, Role.VIEWER})
    )


async def test_one_of_several_audiences_is_enough(authority: Authority) -> None:
    token = authority.sign(authority.claims(aud=["other", "switchover"]))
    assert (await authority.verifier.verify(token)).user_id == "ann"


@pytest.mark.parametrize(
    "realm_access",
    [None, {}, {"roles": None}, {"roles": 5}, {"roles": []}, {"roles": ["Admin", 1]}, [], "admin"],
)
async def test_roles_that_are_not_there_grant_nothing(authority: Authority, realm_access: Any) -> None:
    token = authority.sign(authority.claims(realm_access=realm_access))
    assert (await authority.verifier.verify(token)).roles == frozenset()


async def test_a_token_ends_with_its_time_and_a_little_leeway(authority: Authority) -> None:
    token = authority.sign(authority.claims())
    authority.clock.jump(69)
    await authority.verifier.verify(token)
    authority.clock.jump(2)
    assert await refused(authority, token) == "expired"


async def test_a_token_of_the_future_is_refused(authority: Authority) -> None:
    later = int(authority.clock.now().timestamp()) + 60
    assert await refused(authority, authority.sign(authority.claims(nbf=later))) == "not valid yet"
    assert (
        await refused(authority, authority.sign(authority.claims(iat=later, exp=later + 60)))
        == "not valid yet"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"exp": None},
        {"exp": True},
        {"exp": 1e300},
        {"exp": 10**400},
        {"sub": None},
        {"sub": ""},
        {"sub": "  "},
        {"sub": "a\nb"},
        {"sub": "x" * 256},
    ],
    ids=str,
)
async def test_claims_that_are_not_right_are_refused(authority: Authority, changes: dict[str, Any]) -> None:
    await refused(authority, authority.sign(authority.claims(**changes)))


async def test_a_signature_of_somebody_else_is_refused(authority: Authority) -> None:
    await refused(authority, authority.forge(authority.claims()))


async def test_changed_claims_are_refused(authority: Authority) -> None:
    head, _, signature = authority.sign(authority.claims()).split(".")
    claims = authority.claims(realm_access={"roles": ["admin"]})
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    await refused(authority, f"{head}.{changed}.{signature}")


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "nOnE", "HS384", "HS512", "RS512", "PS256", "ES384", "", None, 5]
)
async def test_another_algorithm_is_refused(authority: Authority, algorithm: Any) -> None:
    _, claims, signature = authority.sign(authority.claims()).split(".")
    forged = base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "typ": "JWT", "kid": "a"}).encode())
    for kept in (signature, ""):
        await refused(authority, f"{forged.rstrip(b'=').decode()}.{claims}.{kept}")


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "..", "e30.e30.", "ä.ö.ü", "a" * 10_000, "e30.e30.e30.e30.e30"]
)
async def test_garbage_is_refused(authority: Authority, token: str) -> None:
    with pytest.raises(TokenRefused):
        await authority.verifier.verify(token)


async def test_a_token_that_we_issue_is_accepted() -> None:
    clock = ManualClock()
    token = issue_token(SECRET, "ann", [Role.ADMIN], now=clock.now(), ttl_seconds=60)
    principal = await SecretVerifier(SECRET, clock).verify(token)
    assert principal == Principal(user_id="ann", roles=frozenset({Role.ADMIN}))
    assert principal.actor.sees_all


def test_a_short_secret_is_refused_and_not_shown() -> None:
    for use in (
        lambda: SecretVerifier(b"hunter2", ManualClock()),
        lambda: issue_token(b"hunter2", "ann", [], now=ManualClock().now(), ttl_seconds=60),
    ):
        with pytest.raises(ValueError, match="32 or more") as caught:
            use()
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("user", "ttl"), [("", 60), ("a\x00", 60), ("ann", 0), ("ann", float("nan"))])
def test_no_token_is_issued_that_we_would_refuse(user: str, ttl: float) -> None:
    with pytest.raises(ValueError, match=r"user id|longer than"):
        issue_token(SECRET, user, [], now=ManualClock().now(), ttl_seconds=ttl)


@pytest.mark.parametrize("algorithms", [[], ["HS256"], ["none"], ["RS256", "HS256"]])
def test_a_key_set_takes_asymmetric_algorithms_alone(algorithms: list[str]) -> None:
    keys = KeySet("https://id.example/keys", ManualClock())
    with pytest.raises(ValueError, match="allowed are one or more of"):
        KeySetVerifier(keys, algorithms, ManualClock())


@pytest.mark.parametrize(
    "url",
    ["http://id.example/keys", "file:///etc/passwd", "https:///keys", "https://ann:secret@id.example/keys"],
)
def test_a_key_set_comes_over_a_connection_that_can_be_trusted(url: str) -> None:
    with pytest.raises(ValueError, match=r"allowed is an (https )?address"):
        KeySet(url, ManualClock())


@dataclass
class Provider:
    """A key set's server and its verifier."""

    server: KeyServer
    clock: ManualClock
    verifier: KeySetVerifier

    def claims(self) -> dict[str, Any]:
        now = int(self.clock.now().timestamp())
        return {"sub": "ann", "iss": "switchover", "aud": "switchover", "exp": now + 1_000_000}


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    clock = ManualClock()
    async with key_server() as server:
        times = KeySetTimes(timeout=0.5)
        yield Provider(
            server, clock, KeySetVerifier(KeySet(server.url, clock, times), ["ES256", "RS256"], clock)
        )


async def test_keys_are_fetched_once_for_many_tokens(provider: Provider) -> None:
    key = signing_key("a", "ES256")
    provider.server.serve([key.public()])
    for _ in range(5):
        await provider.verifier.verify(key.sign(provider.claims()))
    assert provider.server.requests == 1


async def test_a_new_key_is_found_and_an_old_one_ends_with_the_rotation(provider: Provider) -> None:
    old, new = signing_key("a", "ES256"), signing_key("b", "RS256")
    provider.server.serve([old.public()])
    await provider.verifier.verify(old.sign(provider.claims()))
    provider.server.serve([new.public()])
    await provider.clock.advance(11)
    await provider.verifier.verify(new.sign(provider.claims()))
    with pytest.raises(TokenRefused):
        await provider.verifier.verify(old.sign(provider.claims()))
    assert provider.server.requests == 2


async def test_forged_key_ids_do_not_become_requests(provider: Provider) -> None:
    key = signing_key("a", "ES256")
    provider.server.serve([key.public()])
    for number in range(20):
        with pytest.raises(TokenRefused):
            await provider.verifier.verify(key.sign(provider.claims(), kid=f"forged-{number}"))
    assert provider.server.requests == 1


async def test_known_keys_outlive_a_provider_that_is_away(provider: Provider) -> None:
    key = signing_key("a", "ES256")
    provider.server.serve([key.public()])
    await provider.verifier.verify(key.sign(provider.claims()))
    provider.server.status = 503
    await provider.clock.advance(400)
    await provider.verifier.verify(key.sign(provider.claims()))
    await provider.clock.advance(86_400)
    with pytest.raises(KeysUnavailable):
        await provider.verifier.verify(key.sign(provider.claims()))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"keys": 5}', b"[" * 100_000, b"x" * 300_000])
async def test_what_is_no_key_set_is_nobodys_fault_but_the_providers(provider: Provider, body: bytes) -> None:
    provider.server.body = body
    with pytest.raises(KeysUnavailable):
        await provider.verifier.verify(signing_key("a", "ES256").sign(provider.claims()))


async def test_a_provider_that_hangs_is_given_up(provider: Provider) -> None:
    provider.server.silent = True
    with pytest.raises(KeysUnavailable):
        await provider.verifier.verify(signing_key("a", "ES256").sign(provider.claims()))


async def test_a_token_without_a_key_id_needs_a_single_key_that_fits(provider: Provider) -> None:
    key, other = signing_key("a", "ES256"), signing_key("b", "ES256")
    provider.server.serve([key.public(), signing_key("c", "RS256").public()])
    nameless = jwt.encode(provider.claims(), key.private, algorithm=key.algorithm)
    await provider.verifier.verify(nameless)
    provider.server.serve([key.public(), other.public()])
    await provider.clock.advance(400)
    with pytest.raises(TokenRefused):
        await provider.verifier.verify(nameless)


async def test_symmetric_broken_and_encrypting_keys_of_a_set_are_not_used(provider: Provider) -> None:
    key = signing_key("a", "ES256")
    secret = {"kty": "oct", "kid": "s", "k": base64.urlsafe_b64encode(SECRET).decode()}
    broken = {"kty": "EC", "kid": "x", "crv": "P-256", "x": "AA"}
    provider.server.serve([secret, broken, key.public() | {"kid": "e", "use": "enc"}, key.public()])
    await provider.verifier.verify(key.sign(provider.claims()))
    for key_id in ("s", "x", "e"):
        with pytest.raises(TokenRefused):
            await provider.verifier.verify(key.sign(provider.claims(), kid=key_id))
    with pytest.raises(TokenRefused):
        await provider.verifier.verify(jwt.encode(provider.claims(), SECRET, headers={"kid": "s"}))
