"""The public keys of an identity provider: fetched from its JWKS address, cached, refreshed within bounds."""

import asyncio
import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import structlog

from switchover.api.auth.refusal import KeysUnavailable, TokenRefused
from switchover.model.clock import Clock

FAMILIES: Mapping[str, str] = {
    **{f"{kind}{size}": "RSA" for kind in ("RS", "PS") for size in (256, 384, 512)},
    **{f"ES{size}": "EC" for size in (256, 384, 512)},
    "EdDSA": "OKP",
}
"""Algorithm → the key type (`kty`) that it needs. Symmetric ones are missing on purpose: a public key is no secret."""

MOST_KEY_SET_BYTES = 256 * 1024
MOST_KEYS = 100

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySetTimes:
    """How keys are fetched and for how long they are good; seconds.

    Attributes:
        fresh: After this the next token causes a refresh.
        stale: While refreshing fails, keys are used for this long since they were fetched.
        pause: Between two attempts, whatever tokens ask for: forged key ids must not become requests.
        timeout: For one attempt, from resolving the name to the last byte.
    """

    fresh: float = 300.0
    stale: float = 86_400.0
    pause: float = 10.0
    timeout: float = 5.0


class KeySet:
    """Keys by their id. A key that is taken off the set is refused once the cache has been refreshed."""

    def __init__(self, url: str, clock: Clock, times: KeySetTimes | None = None) -> None:
        """`url` is https, or http on a loopback address; anything else is a ValueError."""
        self._url = checked_url(url)
        self._clock = clock
        self._times = times or KeySetTimes()
        self._keys: Sequence[Mapping[str, Any]] = ()
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._refreshing = asyncio.Lock()

    async def find(self, key_id: str | None, algorithm: str) -> jwt.PyJWK:
        """The key that a token names, fit for `algorithm`; without a name, the only one that is.

        Raises:
            TokenRefused: There is no such key.
            KeysUnavailable: There are no keys that are recent enough, and none could be fetched.
        """
        if not self._is_younger_than(self._times.fresh):
            await self._refresh(self._fetched_at)
        key = self._pick(key_id, algorithm)
        if key is None:
            await self._refresh(self._fetched_at)
            key = self._pick(key_id, algorithm)
        if key is None:
            raise TokenRefused("unknown key")
        return key

    def _pick(self, key_id: str | None, algorithm: str) -> jwt.PyJWK | None:
        fit = [
            key
            for key in self._keys
            if key.get("kty") == FAMILIES[algorithm]
            and key.get("alg", algorithm) == algorithm
            and key.get("use", "sig") == "sig"
            and (key_id is None or key.get("kid") == key_id)
        ]
        if len(fit) != 1:
            return None
        try:
            return jwt.PyJWK(dict(fit[0]), algorithm=algorithm)
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            _log.warning("a key of the key set cannot be read", key_id=key_id, cause=type(error).__name__)
            return None

    def _is_younger_than(self, seconds: float) -> bool:
        return self._fetched_at is not None and self._clock.monotonic() - self._fetched_at < seconds

    async def _refresh(self, seen: float | None) -> None:
        async with self._refreshing:
            # Whoever waited for another's refresh has what it brought.
            if self._fetched_at == seen and self._may_try():
                self._tried_at = self._clock.monotonic()
                try:
                    self._keys = await self._fetch()
                    self._fetched_at = self._clock.monotonic()
                except (httpx.HTTPError, TimeoutError, ValueError, RecursionError) as error:
                    _log.warning("the key set could not be fetched", url=self._url, cause=str(error))
        if not self._is_younger_than(self._times.stale):
            raise KeysUnavailable("the keys that verify tokens cannot be fetched", int(self._times.pause))

    def _may_try(self) -> bool:
        return self._tried_at is None or self._clock.monotonic() - self._tried_at >= self._times.pause

    async def _fetch(self) -> Sequence[Mapping[str, Any]]:
        body = bytearray()
        async with (
            asyncio.timeout(self._times.timeout),
            httpx.AsyncClient(follow_redirects=False, trust_env=False) as client,
            client.stream("GET", self._url, headers={"accept": "application/json"}) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise ValueError(f"status {response.status_code}")
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MOST_KEY_SET_BYTES:
                    raise ValueError(f"it is larger than {MOST_KEY_SET_BYTES} bytes")
        document = json.loads(body)
        keys = document.get("keys") if isinstance(document, dict) else None
        if not isinstance(keys, list) or len(keys) > MOST_KEYS:
            raise ValueError(f"it is no key set of at most {MOST_KEYS} keys")
        return [key for key in keys if isinstance(key, dict)]


def checked_url(url: str) -> str:
    """`url` itself when keys may be fetched from there; else a ValueError that does not show it."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise ValueError("allowed is an address without a user name and a password")
    if not parts.hostname or not (
        parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))
    ):
        raise ValueError("allowed is an https address, or http on a loopback address")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
