"""Bearer tokens: JSON Web Tokens (RFC 7519), verified and, with a shared secret, issued."""

import math
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import jwt

from switchover.api.auth.keys import FAMILIES, KeySet
from switchover.api.auth.principal import Principal, roles_in
from switchover.api.auth.refusal import TokenRefused
from switchover.api.auth.roles import Role
from switchover.model.clock import Clock

FEWEST_SECRET_BYTES = 32
"""RFC 7518 section 3.2: an HS256 key has at least the size of the hash."""
MOST_TOKEN_CHARACTERS = 8192
MOST_SUBJECT_CHARACTERS = 255
OUR_NAME = "switchover"
_END_OF_TIME = 1e15
_SECRET_ALGORITHM = "HS256"  # noqa: S105 - the name of an algorithm


class TokenVerifier(Protocol):
    """Tells who bears a token."""

    async def verify(self, token: str) -> Principal:
        """The bearer of `token`.

        Raises:
            TokenRefused: It is not valid, for whatever reason.
            KeysUnavailable: Nobody can tell: the keys could not be fetched.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRules:
    """What a token must say.

    Attributes:
        issuer: Its `iss`.
        audience: Its `aud`, or one of them.
        roles_claim: Where its roles are: a claim, or a path of claims with dots.
        leeway_seconds: How far clocks may differ for `exp`, `nbf` and `iat`.
    """

    issuer: str = OUR_NAME
    audience: str = OUR_NAME
    roles_claim: str = "roles"
    leeway_seconds: float = 10.0


class SecretVerifier:
    """Verifies HS256 tokens with a shared secret."""

    def __init__(self, secret: bytes, clock: Clock, rules: TokenRules | None = None) -> None:
        """`secret` has at least 32 bytes, else ValueError."""
        self._secret = checked_secret(secret)
        self._clock = clock
        self._rules = rules or TokenRules()

    async def verify(self, token: str) -> Principal:
        """See `TokenVerifier`."""
        algorithm, _ = _header(token)
        if algorithm != _SECRET_ALGORITHM:
            raise TokenRefused("algorithm")
        claims = _claims(token, self._secret, algorithm, self._rules)
        return _principal(claims, self._rules, self._clock.now())


class KeySetVerifier:
    """Verifies tokens that were signed with a key of an identity provider's key set (RFC 7517)."""

    def __init__(
        self, keys: KeySet, algorithms: Iterable[str], clock: Clock, rules: TokenRules | None = None
    ) -> None:
        """`algorithms` are those a token may use: RS, PS, ES and EdDSA; others and none at all are a ValueError."""
        self._algorithms = frozenset(algorithms)
        if not self._algorithms or not self._algorithms <= FAMILIES.keys():
            allowed = ", ".join(sorted(FAMILIES))
            raise ValueError(f"{sorted(self._algorithms)} is not valid; allowed are one or more of {allowed}")
        self._keys = keys
        self._clock = clock
        self._rules = rules or TokenRules()

    async def verify(self, token: str) -> Principal:
        """See `TokenVerifier`."""
        algorithm, key_id = _header(token)
        # Before the key is looked for: an `alg` of the token's own choice must not even cause a fetch.
        if algorithm not in self._algorithms:
            raise TokenRefused("algorithm")
        key = await self._keys.find(key_id, algorithm)
        claims = _claims(token, key.key, algorithm, self._rules)
        return _principal(claims, self._rules, self._clock.now())


def issue_token(
    secret: bytes,
    user: str,
    roles: Iterable[Role],
    *,
    now: datetime,
    ttl_seconds: float,
    rules: TokenRules | None = None,
) -> str:
    """An HS256 token for `user` that `SecretVerifier` accepts for `ttl_seconds` (above 0) from `now`.

    Raises:
        ValueError: The secret is shorter than 32 bytes, `user` is empty, too long or has control characters, or the
            time is not above 0.
    """
    rules = rules or TokenRules()
    if not _is_subject(user):
        raise ValueError(f"a user id has 1 to {MOST_SUBJECT_CHARACTERS} printable characters")
    if not ttl_seconds > 0:
        raise ValueError("a token lives longer than 0 seconds")
    issued = int(now.timestamp())
    claims = {
        "sub": user,
        "roles": sorted(role.value for role in roles),
        "iss": rules.issuer,
        "aud": rules.audience,
        "iat": issued,
        "exp": issued + math.ceil(ttl_seconds),
    }
    return jwt.encode(claims, checked_secret(secret), algorithm=_SECRET_ALGORITHM)


def checked_secret(secret: bytes) -> bytes:
    """`secret` itself; a ValueError that does not show it when it is too short."""
    if len(secret) < FEWEST_SECRET_BYTES:
        raise ValueError(
            f"the token secret has {len(secret)} bytes; allowed are {FEWEST_SECRET_BYTES} or more"
        )
    return secret


def _header(token: str) -> tuple[str, str | None]:
    if len(token) > MOST_TOKEN_CHARACTERS:
        raise TokenRefused("too long")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise TokenRefused("malformed") from error
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or not isinstance(key_id, str | None):
        raise TokenRefused("malformed")
    return algorithm, key_id


def _claims(token: str, key: Any, algorithm: str, rules: TokenRules) -> Mapping[str, Any]:
    try:
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=rules.issuer,
            audience=rules.audience,
            # Times are checked by `_check_times` with our clock; PyJWT would read the machine's.
            options={
                "require": ["exp", "sub", "iss", "aud"],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        # The class names the check that failed (for the log); the message could quote the token.
        raise TokenRefused(type(error).__name__) from error
    return claims


def _principal(claims: Mapping[str, Any], rules: TokenRules, now: datetime) -> Principal:
    _check_times(claims, now.timestamp(), rules.leeway_seconds)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not _is_subject(subject):
        raise TokenRefused("subject")
    return Principal(user_id=subject, roles=roles_in(claims, rules.roles_claim))


def _check_times(claims: Mapping[str, Any], now: float, leeway: float) -> None:
    times = {name: claims[name] for name in ("exp", "nbf", "iat") if name in claims}
    if not all(_is_number(value) for value in times.values()):
        raise TokenRefused("times")
    if now >= times["exp"] + leeway:
        raise TokenRefused("expired")
    if any(times.get(name, now) > now + leeway for name in ("nbf", "iat")):
        raise TokenRefused("not valid yet")


def _is_number(value: object) -> bool:
    # The bound also keeps out infinities, and integers that no float can hold.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _END_OF_TIME


def _is_subject(text: str) -> bool:
    hidden = any(unicodedata.category(c) in {"Cc", "Cs"} for c in text)
    return bool(text.strip()) and not hidden and len(text) <= MOST_SUBJECT_CHARACTERS
