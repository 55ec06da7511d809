"""What the API has on record about a proxy, read into the history that a simulation runs over."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from switchover.cli.client import Api, Document
from switchover.control.documents import parse_policy, policy_document
from switchover.control.plain import plain
from switchover.control.retelling import AdminOrder, History, MadeMove
from switchover.decision.reasons import Reason
from switchover.model.address import parse_address
from switchover.model.events import EventType
from switchover.model.instance import AdminState, Instance
from switchover.model.observation import Health, InstanceHealth
from switchover.model.policy import FailoverPolicy
from switchover.model.proxy import Proxy
from switchover.model.transition import HealthTransition

MOST_EVENTS = 500
MOST_ENTRIES = 1000
TRANSITIONS_PAGE = 1000
_FOLLOWING = ("healthCheckTimeoutSeconds", "fastIntervalSeconds", "failbackHoldDownSeconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A proxy's history, and what is not in it, in sentences."""

    history: History
    gaps: Sequence[str]


def recorded(api: Api, document: Document, since: datetime, until: datetime) -> Recorded:
    """The history of the proxy of `document` (as the API shows one) between two times."""
    proxy_id = str(document["proxyId"])
    events, entries = api.events(proxy_id, MOST_EVENTS), api.audit(proxy_id, MOST_ENTRIES)
    within = [entry for entry in reversed(entries) if since < _moment(entry["at"]) <= until]
    instances = [_instance(one) for one in document["instances"]]
    gone = [_deleted(entry, entries) for entry in within if entry["action"] == "instance.delete"]
    turns: dict[UUID, list[HealthTransition]] = {}
    for turn in _transitions(api, proxy_id, since, until):
        turns.setdefault(turn.instance_id, []).append(turn)
    history = History(
        proxy=_proxy(document),
        instances=(*instances, *(instance for instance, _ in gone)),
        deleted_at={instance.instance_id: at for instance, at in gone},
        turns={instance_id: tuple(reversed(listed)) for instance_id, listed in turns.items()},
        orders=tuple(_order(entry) for entry in within if entry["action"] == "instance.order"),
        moves=tuple(move for move in _moves(events) if since < move.at <= until),
        unpinned_at=tuple(_moment(e["at"]) for e in within if e["action"] == "proxy.unpin"),
        since=since,
        until=until,
    )
    return Recorded(history=history, gaps=tuple(_gaps(document, events, entries, within, since)))


def _gaps(
    document: Document,
    events: Sequence[Document],
    entries: Sequence[Document],
    within: Sequence[Document],
    since: datetime,
) -> Iterator[str]:
    created_at = _moment(document["createdAt"])
    if created_at > since:
        yield f"the proxy is younger: it was created {document['createdAt']}"
    if len(events) == MOST_EVENTS and _moment(events[-1]["createdAt"]) > since:
        yield f"only the newest {MOST_EVENTS} events were read, back to {events[-1]['createdAt']}"
    if len(entries) == MOST_ENTRIES and _moment(entries[-1]["at"]) > since:
        yield f"people's orders before {entries[-1]['at']} were not read"
    changes = sum(1 for entry in within if entry["action"] == "config.change")
    if changes:
        times = "once" if changes == 1 else f"{changes} times"
        yield f"its configuration changed {times} in that time; the one in force now is simulated throughout"


def _transitions(api: Api, proxy_id: str, since: datetime, until: datetime) -> Iterator[HealthTransition]:
    """Newest first; a page ends in the middle of a moment at the worst, so that is asked for again."""
    known: set[str] = set()
    end = plain(until)
    while True:
        page = api.health_transitions(proxy_id, plain(since), end, TRANSITIONS_PAGE)
        fresh = [document for document in page if document["id"] not in known]
        yield from (_transition(document) for document in fresh)
        if len(page) < TRANSITIONS_PAGE or not fresh:
            return
        known = {document["id"] for document in page}
        end = page[-1]["at"]


def _proxy(document: Document) -> Proxy:
    active, pin = document.get("activeInstanceId"), document.get("pinnedInstanceId")
    return Proxy(
        proxy_id=document["proxyId"],
        owner_id=document["ownerId"],
        policy=_policy(document["config"]),
        active_instance_id=None if active is None else UUID(active),
        pinned_instance_id=None if pin is None else UUID(pin),
        epoch=document["epoch"],
        created_at=_moment(document["createdAt"]),
        updated_at=_moment(document["updatedAt"]),
    )


def _policy(config: Mapping[str, Any]) -> FailoverPolicy:
    """The policy whose settings are shown in `config` as they are in force; what follows another setting goes on to."""
    for name in _FOLLOWING:
        without = {key: value for key, value in config.items() if key != name}
        if policy_document(parse_policy(without, None)).get(name) == config.get(name):
            config = without
    return parse_policy(config, None)


def _instance(document: Document) -> Instance:
    return Instance(
        instance_id=UUID(document["id"]),
        proxy_id=document["proxyId"],
        name=document["instanceName"],
        instance_type=document["instanceType"],
        priority=document["priority"],
        weight=document["weight"],
        address=None if document["address"] is None else parse_address(document["address"]),
        admin_state=AdminState(document["adminState"]),
        health=InstanceHealth(state=Health(document["healthStatus"])),
        created_at=_moment(document["createdAt"]),
    )


def _deleted(entry: Document, entries: Iterable[Document]) -> tuple[Instance, datetime]:
    """The instance of a deletion, as the audit log describes it."""
    detail: Mapping[str, Any] = entry["detail"]
    registered = next(
        (
            e["at"]
            for e in entries
            if e["action"] == "instance.register" and e["subjectId"] == entry["subjectId"]
        ),
        None,
    )
    # Registered before the log was read: it was there all the time.
    created_at = (
        datetime.min.replace(tzinfo=_moment(entry["at"]).tzinfo)
        if registered is None
        else _moment(registered)
    )
    instance = Instance(
        instance_id=UUID(entry["subjectId"]),
        proxy_id=entry["proxyId"],
        name=detail["instanceName"],
        priority=detail["priority"],
        weight=detail["weight"],
        address=None if detail["address"] is None else parse_address(detail["address"]),
        created_at=created_at,
    )
    return instance, _moment(entry["at"])


def _order(entry: Document) -> AdminOrder:
    return AdminOrder(
        at=_moment(entry["at"]),
        instance_id=UUID(entry["subjectId"]),
        before=AdminState(entry["detail"]["from"]),
        after=AdminState(entry["detail"]["to"]),
    )


def _moves(events: Sequence[Document]) -> Iterator[MadeMove]:
    for event in reversed(events):
        if event["eventType"] == EventType.RECOVERY:
            continue
        source, target = event["sourceInstanceId"], event["targetInstanceId"]
        yield MadeMove(
            at=_moment(event["stages"]["committedAt"] or event["createdAt"]),
            event_type=EventType(event["eventType"]),
            source_instance_id=None if source is None else UUID(source),
            target_instance_id=None if target is None else UUID(target),
            by_hand=event["reasonCode"] == Reason.MANUAL,
        )


def _transition(document: Document) -> HealthTransition:
    first_failed_at = document["firstFailedAt"]
    return HealthTransition(
        transition_id=UUID(document["id"]),
        proxy_id=document["proxyId"],
        instance_id=UUID(document["instanceId"]),
        at=_moment(document["at"]),
        before=Health(document["fromStatus"]),
        after=Health(document["toStatus"]),
        reason=document["reason"],
        code=document["code"],
        consecutive_failures=document["consecutiveFailures"],
        consecutive_passes=document["consecutivePasses"],
        first_failed_at=None if first_failed_at is None else _moment(first_failed_at),
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
