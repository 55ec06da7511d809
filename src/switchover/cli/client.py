"""The API as the commands see it: one method per thing they ask, errors that say what to do about them."""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from switchover.cli.failures import CommandFailed, ExitCode

Document = Mapping[str, Any]

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 20.0
_PAGE = 100
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY, _AWAY = 401, 403, 404, 429, 503
_WRONGLY_ASKED = frozenset({400, _NOT_FOUND, 413, 422})


class Refused(CommandFailed):
    """The server answered, and said no.

    Attributes:
        status: The HTTP status.
        code: The API's code, such as `PROXY_FAILOVER_012`; empty when the answer had none.
        details: What the server added; a conflict's current state, for example.
    """

    def __init__(self, message: str, *, status: int, code: str, details: Document) -> None:
        super().__init__(message, ExitCode.USAGE if status in _WRONGLY_ASKED else ExitCode.FAILED)
        self.status = status
        self.code = code
        self.details = details


class Api:
    """A client of one server. Use as a context manager.

    Every method raises `CommandFailed`: with `UNREACHABLE` when nobody answers in time, as `Refused` when the server
    says no. The token goes nowhere but into the Authorization header of requests to `url`: redirects are not followed.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = checked_url(url)
        self.warning: str | None = None
        self._http = httpx.Client(
            base_url=self._url,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            # The machine's own trust store, where an organisation keeps its authority.
            verify=ssl.create_default_context(),
            # A proxy from the environment would be handed the token.
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def proxies(self) -> Iterator[Document]:
        """Every proxy that the token may see, by id."""
        after: str | None = None
        while True:
            page = self._ask("GET", "/proxy", params={"limit": _PAGE} | ({"after": after} if after else {}))
            items: Sequence[Document] = page["data"]
            yield from items
            after = page.get("nextAfter")
            if after is None:
                return

    def proxy(self, proxy_id: str) -> Document:
        """One proxy whole."""
        return self._data("GET", f"/proxy/{_segment(proxy_id)}")

    def configuration(self, proxy_id: str) -> Document | None:
        """The stored configuration; None when there is no such proxy."""
        try:
            return self._data("GET", f"/proxy/failover/config/{_segment(proxy_id)}")
        except Refused as refusal:
            if refusal.status == _NOT_FOUND:
                return None
            raise

    def configure(self, proxy_id: str, config: Document) -> Document:
        """Create the proxy, or merge `config` into what is stored."""
        return self._data("POST", "/proxy/failover/config", {"proxyId": proxy_id, "config": config})

    def delete_proxy(self, proxy_id: str) -> None:
        """Take the proxy away."""
        self._ask("DELETE", f"/proxy/{_segment(proxy_id)}")

    def instances(self, proxy_id: str) -> Sequence[Document]:
        """The registered instances, by preference."""
        found: Sequence[Document] = self._ask("GET", f"/proxy/{_segment(proxy_id)}/instances")["data"]
        return found

    def register(self, proxy_id: str, instance_data: Document) -> Document:
        """Register an instance."""
        return self._data("POST", "/proxy/instances", {"proxyId": proxy_id, "instanceData": instance_data})

    def change_instance(self, instance_id: str, changes: Document) -> Document:
        """Change the given fields of an instance."""
        return self._data("PATCH", f"/proxy/instances/{_segment(instance_id)}", changes)

    def delete_instance(self, instance_id: str) -> None:
        """Take an instance away."""
        self._ask("DELETE", f"/proxy/instances/{_segment(instance_id)}")

    def set_admin_state(self, instance_id: str, admin_state: str, terms: Document) -> Document:
        """Order an instance to be ready, drained or in maintenance, on these terms (`reason`, `expiresInSeconds`, …)."""
        path = f"/proxy/instances/{_segment(instance_id)}/admin-state"
        return self._data("PUT", path, {"adminState": admin_state, **terms})

    def recover(self, instance_id: str, reason: str | None) -> Document:
        """Order an attempt to bring an instance back; the recovery event."""
        path = f"/proxy/instances/{_segment(instance_id)}/recover"
        return self._data("POST", path, {"reason": reason} if reason else {})

    def rotate_recovery_secret(self, proxy_id: str, secret: str | None) -> Document:
        """Give a proxy's recovery webhook `secret`, or one that the server makes."""
        path = f"/proxy/{_segment(proxy_id)}/recovery/secret"
        return self._data("POST", path, {"secret": secret} if secret else {})

    def switch_over(
        self,
        proxy_id: str,
        target_instance_id: str | None,
        reason: str | None,
        *,
        pin_until: str | None = None,
        force: bool = False,
        at: str | None = None,
    ) -> Document:
        """Order the move to `target_instance_id`, or to the best standby, now or `at`; the event as committed."""
        given = {
            "proxyId": proxy_id,
            "targetInstanceId": target_instance_id,
            "reason": reason,
            "pinUntil": pin_until,
            "force": force or None,
            "scheduledFor": at,
        }
        body = {name: value for name, value in given.items() if value is not None}
        return self._data("POST", "/proxy/failover/switchover", body)

    def pin(self, proxy_id: str, reason: str | None, until: str | None) -> Document:
        """Pin the active instance."""
        body = {name: value for name, value in (("reason", reason), ("until", until)) if value}
        return self._data("PUT", f"/proxy/{_segment(proxy_id)}/pin", body)

    def undamp(self, instance_id: str) -> Document:
        """Clear an instance's damping."""
        return self._data("DELETE", f"/proxy/instances/{_segment(instance_id)}/damping")

    def cancel_switchover(self, proxy_id: str) -> Document:
        """Cancel the scheduled switchover."""
        return self._data("DELETE", f"/proxy/{_segment(proxy_id)}/scheduled-switchover")

    def start_drill(self, proxy_id: str, terms: Document) -> Document:
        """Order a drill on these terms (`reason`, `holdSeconds`, `scheduledFor`)."""
        return self._data("POST", f"/proxy/{_segment(proxy_id)}/drills", terms)

    def drills(self, proxy_id: str, limit: int) -> Sequence[Document]:
        """The newest `limit` drills, newest first."""
        path = f"/proxy/{_segment(proxy_id)}/drills"
        found: Sequence[Document] = self._ask("GET", path, params={"limit": limit})["data"]
        return found

    def cancel_drill(self, proxy_id: str) -> Document:
        """Cancel the drill that has not ended."""
        return self._data("DELETE", f"/proxy/{_segment(proxy_id)}/drills")

    def unpin(self, proxy_id: str) -> Document:
        """Take the pin off."""
        return self._data("DELETE", f"/proxy/{_segment(proxy_id)}/pin")

    def events(self, proxy_id: str, limit: int) -> Sequence[Document]:
        """The newest `limit` events, newest first."""
        path = f"/proxy/{_segment(proxy_id)}/failover/events"
        found: Sequence[Document] = self._ask("GET", path, params={"limit": limit})["data"]
        return found

    def blocked(self, proxy_id: str, limit: int) -> Sequence[Document]:
        """The newest `limit` blocked moves, newest first."""
        path = f"/proxy/{_segment(proxy_id)}/failover/blocked"
        found: Sequence[Document] = self._ask("GET", path, params={"limit": limit})["data"]
        return found

    def automation(self, scope: str) -> Document:
        """What bounds automation in a scope."""
        return self._data("GET", f"/automation/{_segment(scope)}")

    def pause(self, scope: str, pause: Document) -> Document:
        """Stop automation in a scope."""
        return self._data("PUT", f"/automation/{_segment(scope)}/pause", pause)

    def resume(self, scope: str) -> Document:
        """Let automation run again in a scope."""
        return self._data("DELETE", f"/automation/{_segment(scope)}/pause")

    def set_rules(self, scope: str, rules: Document) -> Document:
        """Set the safety rules of a scope, the whole of them."""
        return self._data("PUT", f"/automation/{_segment(scope)}/rules", rules)

    def clear_rules(self, scope: str) -> Document:
        """Take the safety rules of a scope away."""
        return self._data("DELETE", f"/automation/{_segment(scope)}/rules")

    def set_gate(self, scope: str, name: str, gate: Document) -> Document:
        """Set a gate."""
        return self._data("PUT", f"/automation/{_segment(scope)}/gates/{_segment(name)}", gate)

    def remove_gate(self, scope: str, name: str) -> Document:
        """Take a gate away."""
        return self._data("DELETE", f"/automation/{_segment(scope)}/gates/{_segment(name)}")

    def explanation(self, event_id: str) -> Document:
        """Why a recorded move was made, with the evidence that replays it."""
        return self._data("GET", f"/proxy/failover/events/{_segment(event_id)}/explanation")

    def standing(self, proxy_id: str) -> Document:
        """Why nothing happens to a proxy now, or what is about to."""
        return self._data("GET", f"/proxy/{_segment(proxy_id)}/failover/explain")

    def health_transitions(self, proxy_id: str, since: str, until: str, limit: int) -> Sequence[Document]:
        """The newest `limit` turns of health between two times, newest first."""
        path = f"/proxy/{_segment(proxy_id)}/health-transitions"
        params = {"since": since, "until": until, "limit": limit}
        found: Sequence[Document] = self._ask("GET", path, params=params)["data"]
        return found

    def audit(self, proxy_id: str, limit: int) -> Sequence[Document]:
        """Who changed what, the newest `limit` entries, newest first."""
        path = f"/proxy/{_segment(proxy_id)}/audit"
        found: Sequence[Document] = self._ask("GET", path, params={"limit": limit})["data"]
        return found

    def nodes(self) -> Sequence[Document]:
        """The data-plane nodes; none for a token that may not see them."""
        return self._listed("/nodes")

    def replicas(self) -> Sequence[Document]:
        """The replicas, if there are several; none for a token that may not see them."""
        return self._listed("/replicas")

    def _listed(self, path: str) -> Sequence[Document]:
        try:
            found: Sequence[Document] = self._ask("GET", path)["data"]
        except Refused as refusal:
            if refusal.status == _FORBIDDEN:
                return ()
            raise
        return found

    def _data(self, method: str, path: str, body: Document | None = None) -> Document:
        data: Document = self._ask(method, path, body)["data"]
        return data

    def _ask(
        self, method: str, path: str, body: Document | None = None, params: Mapping[str, Any] | None = None
    ) -> Document:
        try:
            answer = self._http.request(method, path, json=body, params=params)
        except httpx.TimeoutException as error:
            raise self._unreachable(f"did not answer within {_seconds(error):g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._unreachable(_cause(error)) from error
        try:
            envelope = answer.json() if answer.content else {}
        except ValueError:
            envelope = None
        self.warning = _warning(answer) or self.warning
        if answer.is_success and isinstance(envelope, dict) and (not envelope or "data" in envelope):
            return envelope
        problem = envelope.get("error") if isinstance(envelope, dict) else None
        if answer.is_success or not isinstance(problem, dict):
            message = (
                f"{self._url} answered {answer.status_code} in words that are not switchover's; check --url"
            )
            raise Refused(message, status=answer.status_code, code="", details={})
        raise _refusal(answer, problem)

    def _unreachable(self, why: str) -> CommandFailed:
        return CommandFailed(f"cannot reach {self._url}: {why}", ExitCode.UNREACHABLE)


def checked_url(url: str) -> str:
    """`url` without a slash at its end.

    Raises:
        CommandFailed: It is no http or https address, or holds a user name or a password.
    """
    allowed = "allowed is http:// or https:// with a host, such as http://127.0.0.1:8700"
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise CommandFailed(f"--url: {url!r} is not valid; {allowed}", ExitCode.USAGE) from error
    if parsed.userinfo:
        raise CommandFailed(f"--url: holds a user name; {allowed}, and the token in --token", ExitCode.USAGE)
    if parsed.scheme not in {"http", "https"} or not parsed.host or parsed.query or parsed.fragment:
        raise CommandFailed(f"--url: {url!r} is not valid; {allowed}", ExitCode.USAGE)
    return url.rstrip("/")


def _warning(answer: httpx.Response) -> str | None:
    """The text of a warning header: code, agent, text in quotes (RFC 7234 section 5.5)."""
    _, _, text = answer.headers.get("warning", "").partition('"')
    return text.rstrip('"') or None


def _segment(identifier: str) -> str:
    return quote(identifier, safe="")


def _seconds(error: httpx.TimeoutException) -> float:
    return CONNECT_SECONDS if isinstance(error, httpx.ConnectTimeout) else ANSWER_SECONDS


def _cause(error: Exception) -> str:
    """The innermost words: httpx wraps "connection refused" several times."""
    inner: BaseException = error
    while (deeper := inner.__cause__ or inner.__context__) is not None:
        inner = deeper
    if isinstance(inner, ConnectionRefusedError):
        return "connection refused; is it running?"
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror
    return str(inner) or type(inner).__name__


def _refusal(answer: httpx.Response, problem: Mapping[str, Any]) -> Refused:
    status, code = answer.status_code, str(problem.get("code") or "")
    told = problem.get("details")
    details: Mapping[str, Any] = told if isinstance(told, dict) else {}
    message = str(problem.get("message") or "no message")
    match status:
        case _ if status == _UNAUTHORIZED:
            message = f"the token was refused: {message}; `switchover token create` makes one"
        case _ if status == _FORBIDDEN:
            message = f"the token's roles do not allow this: {message}"
        case _ if status in {_TOO_MANY, _AWAY}:
            message += f"; try again in {answer.headers.get('Retry-After', 'a few')} s"
        case _ if "requestId" in details:
            message += f"; the server's log has more under request id {details['requestId']}"
        case _:
            pass
    return Refused(f"{message} ({code})" if code else message, status=status, code=code, details=details)
