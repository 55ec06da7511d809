"""PURE: what a decision rested on, as a document that explains it and replays it.

`evidence_of` makes the evidence of any decision, one that acts and one that was kept from acting alike. The document
has a readable part (`strategy`, `facts`, `candidates`, …) and the record to replay: the whole view that was decided on,
the decision, and the last sightings of each instance. In a large proxy the record is packed, so that reading a list of
events stays cheap.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from switchover.control.plain import plain, read_plain
from switchover.control.sightings import Sighting, Sightings
from switchover.decision.verdict import Decision
from switchover.decision.view import View

VERSION = 2
"""Of the document. Version 1 had no record and cannot be replayed."""

PACKED_ABOVE = 16 * 1024
"""Bytes of the record above which it is packed (about 12 instances)."""
MOST_RECORD_BYTES = 8 * 1024 * 1024
"""A packed record that unpacks to more than this is refused."""
MOST_INSTANCES_IN_FULL = 50
"""With more instances than this only source and target keep every sighting, the others the last one."""
MOST_DETAIL = 200
"""Characters of a sighting's detail that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A decision with everything that it was made of.

    Attributes:
        at: When it was made (the `now` of the decision).
        view: All that it could look at.
        decision: What was decided.
        sightings: The last things seen of each instance by then, by instance and oldest first.
    """

    at: datetime
    view: View
    decision: Decision
    sightings: tuple[Sighting, ...] = ()


class NotReplayable(ValueError):  # noqa: N818 - it names a condition
    """The evidence has no record that this version can read; its text says why."""


def evidence_of(
    view: View, decision: Decision, at: datetime, *, sightings: Sightings, actor: str, reason: str
) -> dict[str, Any]:
    """The evidence of `decision`, JSON-ready and without secrets.

    Args:
        view: What was decided on.
        decision: What was decided, be it a move or a HOLD.
        at: The `now` of the decision.
        sightings: What was seen of the instances.
        actor: Name of whose doing it was.
        reason: Why, in words.
    """
    proxy = view.proxy
    record = Record(at=at, view=view, decision=decision, sightings=_kept(sightings, decision, view))
    overridden = [breach.as_json() for breach in decision.overridden]
    return {
        "evidenceVersion": VERSION,
        "strategy": proxy.policy.failover_strategy.value,
        "generation": proxy.generation,
        "epoch": proxy.epoch,
        "actor": actor,
        "reason": reason,
        "facts": dict(decision.facts),
        "candidates": [candidate.as_json() for candidate in decision.candidates],
        **({"overridden": overridden} if overridden else {}),
        "record": _packed(plain(record)),
    }


def record_of(evidence: Mapping[str, Any]) -> Record:
    """The record in `evidence`.

    Raises:
        NotReplayable: There is none, or it cannot be read.
    """
    document = unpacked(evidence).get("record")
    if document is None:
        raise NotReplayable(
            "its evidence has no record of a decision; an earlier version made it, or it is no move"
        )
    try:
        return read_plain(Record, document)
    except ValueError as error:
        raise NotReplayable(f"what it saw cannot be read by this version: {error}") from error


def unpacked(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """`evidence` with its record as a plain document.

    Raises:
        NotReplayable: The packed record is damaged.
    """
    record = evidence.get("record")
    if not isinstance(record, str):
        return dict(evidence)
    try:
        inflater = zlib.decompressobj()
        text = inflater.decompress(base64.b64decode(record, validate=True), MOST_RECORD_BYTES)
        return {**evidence, "record": json.loads(text)}
    except (binascii.Error, zlib.error, ValueError) as error:
        raise NotReplayable(f"the packed record is damaged: {error}") from error


def summary_of(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """The readable part of `evidence`, as a list of events shows it."""
    return {name: value for name, value in evidence.items() if name != "record"}


def _packed(document: Mapping[str, Any]) -> Any:
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    return document if len(text) <= PACKED_ABOVE else base64.b64encode(zlib.compress(text)).decode()


def _kept(sightings: Sightings, decision: Decision, view: View) -> tuple[Sighting, ...]:
    involved = {decision.source_instance_id, decision.target_instance_id}
    in_full = len(view.instances) <= MOST_INSTANCES_IN_FULL
    kept: list[Sighting] = []
    for instance in view.instances:
        seen = sightings.get(instance.instance_id, ())
        kept += seen if in_full or instance.instance_id in involved else seen[-1:]
    return tuple(replace(sighting, detail=sighting.detail[:MOST_DETAIL]) for sighting in kept)
