"""PURE: why a move was made, and why none is made now, as values. `wording.py` puts them into sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from switchover.control.evidence import NotReplayable, Record, record_of, unpacked
from switchover.control.sightings import Sighting
from switchover.decision.verdict import Decision
from switchover.decision.view import View
from switchover.model.events import FailoverEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class EventExplanation:
    """A recorded move and all that is known of why and how.

    Attributes:
        event: The move.
        names: Instance → its name at that time, or now; an instance that is gone since may be missing.
        evidence: The event's evidence, its record unpacked where it can be.
        record: What was decided on; None when the evidence has none that can be read.
        not_replayable: Why there is none, in words; None when there is one.
    """

    event: FailoverEvent
    names: Mapping[UUID, str]
    evidence: Mapping[str, Any]
    record: Record | None
    not_replayable: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Why a proxy stands where it does, and what it waits for.

    Attributes:
        at: When this was true.
        view: What the next decision will see.
        decision: What the cycle would decide.
        sightings: The last things seen of each instance, oldest first; empty where another replica probes.
        owner: The replica that decides about the proxy; None when none does, or there is but one process.
        hindrances: Why nothing is decided at all at the moment, as sentences; empty when we can.
        open_event: The move whose outcome is missing; None without one.
        last_event: The newest event; None before the first.
        rejections: Node → its own words about what it refuses of this proxy.
    """

    at: datetime
    view: View
    decision: Decision
    sightings: tuple[Sighting, ...]
    owner: str | None
    hindrances: Sequence[str]
    open_event: FailoverEvent | None
    last_event: FailoverEvent | None
    rejections: Mapping[str, str]

    @property
    def names(self) -> Mapping[UUID, str]:
        """Instance → its name."""
        return names_in(self.view)


def explanation_of(event: FailoverEvent, known: View | None) -> EventExplanation:
    """The explanation of `event`; `known` names instances where the evidence does not."""
    names = {} if known is None else names_in(known)
    try:
        evidence: Mapping[str, Any] = unpacked(event.evidence)
        record = record_of(event.evidence)
    except NotReplayable as why:
        listed = event.evidence.get("candidates") or ()
        names = {**names, **{UUID(one["instanceId"]): one["instanceName"] for one in listed}}
        return EventExplanation(
            event=event, names=names, evidence=event.evidence, record=None, not_replayable=str(why)
        )
    return EventExplanation(
        event=event,
        names={**names, **names_in(record.view)},
        evidence=evidence,
        record=record,
        not_replayable=None,
    )


def names_in(view: View) -> Mapping[UUID, str]:
    """Instance → its name."""
    return {instance.instance_id: instance.name for instance in view.instances}
