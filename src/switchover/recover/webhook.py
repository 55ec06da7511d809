"""Recovery by a signed HTTP request to a place that the proxy's owner named."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable

import httpx
from standardwebhooks import Webhook

from switchover.model.clock import Clock
from switchover.model.errors import SwitchoverError
from switchover.model.recovery import RecoveryAnswer, RecoveryCall
from switchover.recover.recoverer import Recoverer, shortened

EVENT_NAME = "instance.recovery"
_NO_SECRET = "the webhook has no secret to sign with; make one with `switchover secret PROXY`"  # noqa: S105 - words

Resolve = Callable[[str], Awaitable[str]]
"""The IP address of a host that may be contacted; raises for one that may not be, or that cannot be found."""


class WebhookRecoverer(Recoverer):
    """POSTs the call as JSON, signed by the rules of Standard Webhooks, and expects a status of 200 to 299.

    The request goes where others say, from where we are. So the host is resolved first, an address that is never
    contacted (link-local, metadata) is refused, and the connection goes to that very address; redirects are not
    followed, no proxy of the environment is used, the time is bounded, and nothing of an answer's body is read.

    Args:
        resolve: Turns the host into an address, and refuses what is never contacted.
        clock: Dates the signature.
        timeout_seconds: For the whole call, above 0.
        tls: What certificates are trusted; the system's authorities by default.
    """

    def __init__(
        self, *, resolve: Resolve, clock: Clock, timeout_seconds: float, tls: ssl.SSLContext | None = None
    ) -> None:
        self._resolve = resolve
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._tls = tls

    async def recover(self, call: RecoveryCall) -> RecoveryAnswer:
        """See `Recoverer.recover`."""
        if call.action.url is None:
            return RecoveryAnswer(accepted=False, detail="the webhook has no URL")
        if not call.secrets:
            return RecoveryAnswer(accepted=False, detail=_NO_SECRET)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._post(httpx.URL(call.action.url), call)
        except TimeoutError:
            return RecoveryAnswer(accepted=False, detail=f"no answer within {self._timeout_seconds:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, SwitchoverError, OSError, ValueError) as error:
            words = str(error) or type(error).__name__
            return RecoveryAnswer(accepted=False, detail=shortened(words))

    async def _post(self, url: httpx.URL, call: RecoveryCall) -> RecoveryAnswer:
        address = await self._resolve(url.host)
        body = json.dumps({"type": EVENT_NAME, "data": call.as_json()}, separators=(",", ":"))
        headers = {
            **self._signed(call, body),
            "host": url.netloc.decode("ascii"),
            "accept-encoding": "identity",
        }
        async with httpx.AsyncClient(
            verify=True if self._tls is None else self._tls,
            trust_env=False,
            follow_redirects=False,
            timeout=self._timeout_seconds,
        ) as client:
            request = client.build_request(
                "POST",
                url.copy_with(host=address),
                content=body,
                headers=headers,
                # The certificate must be the name's, though the connection goes to the address.
                extensions={"sni_hostname": url.raw_host.decode("ascii")},
            )
            response = await client.send(request, stream=True)
            # Who named the place is told the status alone: it may be one that they could not ask themselves.
            await response.aclose()
        return RecoveryAnswer(accepted=response.is_success, detail=f"status {response.status_code}")

    def _signed(self, call: RecoveryCall, body: str) -> dict[str, str]:
        now = self._clock.now()
        signatures = (Webhook(secret).sign(call.key, now, body) for secret in call.secrets)
        return {
            "content-type": "application/json",
            "user-agent": "switchover",
            "webhook-id": call.key,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }
