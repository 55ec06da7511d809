"""Parameters that operations share."""

import re
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request

from switchover.control.documents.fields import Id, Moment, Parsed, ProxyId, Refused
from switchover.control.documents.rules import SCOPE_PATTERN, SCOPE_WORDS, GateName
from switchover.control.service import ProxyFailoverService
from switchover.model.actor import Actor


def _up_to(most: int) -> Parsed:
    def parse(value: Any) -> int:
        # A default is an int already; a query is text, of which int() would take "+5", " 5" and "5_0" too.
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
            value = int(value)
        if not isinstance(value, int) or not 1 <= value <= most:
            raise Refused(f"allowed is a whole number from 1 to {most}")
        return value

    return Parsed(parse, {"type": "integer", "minimum": 1, "maximum": most}, int)


def _scope(value: Any) -> str:
    if not isinstance(value, str) or re.fullmatch(SCOPE_PATTERN, value) is None:
        raise Refused(SCOPE_WORDS)
    return value


async def _service(request: Request) -> ProxyFailoverService:
    service: ProxyFailoverService = request.app.state.service
    return service


async def _actor(request: Request) -> Actor:
    actor: Actor = request.state.actor
    return actor


Service = Annotated[ProxyFailoverService, Depends(_service)]
Caller = Annotated[Actor, Depends(_actor)]
ProxyIdInPath = Annotated[ProxyId, Path(alias="proxyId", description="The proxy.")]
InstanceIdInPath = Annotated[Id, Path(alias="instanceId", description="The instance.")]
ScopeInPath = Annotated[
    str,
    Path(description="fleet, user:NAME (user:me is the caller) or proxy:ID."),
    Parsed(_scope, {"type": "string", "format": "scope", "examples": ["proxy:web"]}),
]
GateInPath = Annotated[GateName, Path(description="The gate's name.")]
EventIdInPath = Annotated[Id, Path(alias="eventId", description="The event.")]
EventLimit = Annotated[int, Query(description="How many at most."), _up_to(500)]
MetricsLimit = Annotated[int, Query(description="How many at most."), _up_to(1000)]
AuditLimit = Annotated[int, Query(description="How many at most."), _up_to(1000)]
TransitionsLimit = Annotated[int, Query(description="How many at most."), _up_to(1000)]
TransitionsSince = Annotated[
    Moment | None, Query(description="The earliest time; a day before `until` by default.")
]
ProxyLimit = Annotated[int, Query(description="How many at most."), _up_to(500)]
After = Annotated[ProxyId | None, Query(description="Go on after this proxy: `nextAfter` of the last page.")]
Since = Annotated[Moment | None, Query(description="The earliest time; an hour before `until` by default.")]
Until = Annotated[Moment | None, Query(description="The latest time; now by default.")]
