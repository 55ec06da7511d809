"""The evidence of a decision carries all it saw, bounded and without secrets, through JSON and back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.proxies import NOON, after, id_of, instance, move, view_of
from tests.record_strategies import INSTANCES, POLICIES, TIMES, maybe

from switchover.control.evidence import (
    MOST_DETAIL,
    PACKED_ABOVE,
    VERSION,
    NotReplayable,
    evidence_of,
    record_of,
    summary_of,
    unpacked,
)
from switchover.control.plain import plain, read_plain
from switchover.control.sightings import KEPT, MOST_KEPT, Sighting, sighted
from switchover.decision.decide import decide
from switchover.decision.view import View
from switchover.model.events import EventType, PastMove
from switchover.model.observation import Health
from switchover.model.proxy import Proxy

MOVES = st.builds(
    PastMove,
    event_type=st.sampled_from(EventType),
    source_instance_id=maybe(st.uuids()),
    target_instance_id=maybe(st.uuids()),
    committed_at=TIMES,
)
VIEWS = st.builds(
    View,
    proxy=st.builds(
        Proxy,
        proxy_id=st.just("web"),
        owner_id=st.just("ann"),
        policy=POLICIES,
        active_instance_id=maybe(st.uuids()),
        epoch=st.integers(0, 2**62),
        pinned_instance_id=maybe(st.uuids()),
        created_at=TIMES,
        updated_at=TIMES,
    ),
    instances=st.lists(INSTANCES, max_size=3).map(tuple),
    moves=st.lists(MOVES, max_size=3).map(tuple),
    connections=st.dictionaries(st.uuids(), st.integers(0, 2**40), max_size=3),
    store_is_away=st.booleans(),
    rests_until=maybe(TIMES),
)


def failed_view(count: int = 2) -> View:
    standbys = [
        replace(instance("b"), instance_id=UUID(int=1000 + n), name=f"b{n}") for n in range(count - 1)
    ]
    return view_of(instance("a", Health.UNHEALTHY), *standbys, active="a")


def sighting(name: str = "a", vantage: str | None = "r1", at: float = 0, detail: str = "refused") -> Sighting:
    return Sighting(
        vantage=vantage,
        instance_id=id_of(name),
        outcome="fail",
        code="connect_refused",
        detail=detail,
        started_at=after(at),
        ended_at=after(at),
    )


def made(view: View, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {"sightings": {}, "actor": "switchover", "reason": "Why"} | changes
    return evidence_of(view, decide(view, NOON), NOON, **values)


def stored(evidence: Mapping[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(evidence, allow_nan=False))
    return document


@settings(max_examples=60, deadline=None)
@given(view=VIEWS)
def test_any_view_comes_back_as_it_was(view: View) -> None:
    assert read_plain(View, json.loads(json.dumps(plain(view)))) == view


def test_evidence_is_readable_and_has_the_record() -> None:
    view = failed_view()
    evidence = stored(made(view, sightings={id_of("a"): (sighting(),)}))

    assert evidence["evidenceVersion"] == VERSION
    assert (evidence["strategy"], evidence["generation"], evidence["epoch"]) == ("priority", 1, 1)
    assert (evidence["actor"], evidence["reason"], evidence["facts"]) == (
        "switchover",
        "Why",
        {"failures": 10},
    )
    assert [(c["instanceName"], c["score"], c["vetoes"]) for c in evidence["candidates"]] == [
        ("b0", 0, []),
        ("a", None, ["unhealthy"]),
    ]
    record = record_of(evidence)
    assert (record.at, record.view, record.decision) == (NOON, view, decide(view, NOON))
    assert record.sightings == (sighting(),)
    assert "record" not in summary_of(evidence)


def test_a_field_that_an_old_record_lacks_gets_its_default_and_an_unknown_one_is_ignored() -> None:
    view = failed_view()
    evidence = stored(made(view))
    del evidence["record"]["view"]["rests_until"]
    del evidence["record"]["view"]["proxy"]["policy"]["max_failbacks"]
    del evidence["record"]["view"]["instances"][0]["weight"]
    evidence["record"]["view"]["of_a_later_version"] = {"x": [1]}

    assert record_of(evidence).view == view


def test_evidence_of_version_1_and_damaged_evidence_say_that_they_cannot_be_replayed() -> None:
    with pytest.raises(NotReplayable, match="no record of a decision"):
        record_of({"strategy": "priority", "generation": 1, "facts": {}, "candidates": []})
    with pytest.raises(NotReplayable, match="cannot be read by this version"):
        record_of({"record": {"at": "yesterday"}})
    for packed in ("no base64!", "AAAA"):
        with pytest.raises(NotReplayable, match="damaged"):
            record_of({"record": packed})


@pytest.mark.parametrize("count", [2, 50, 250])
def test_evidence_stays_small_however_many_instances_there_are(count: int) -> None:
    view = failed_view(count)
    seen = {
        i.instance_id: tuple(replace(sighting(at=n), instance_id=i.instance_id) for n in range(KEPT))
        for i in view.instances
    }
    evidence = stored(made(view, sightings=seen))

    assert len(json.dumps(evidence["record"])) <= PACKED_ABOVE
    assert record_of(evidence).view == view
    assert isinstance(unpacked(evidence)["record"], dict)
    kept = record_of(evidence).sightings
    assert len(kept) == (count * KEPT if count <= 50 else 2 * KEPT + count - 2)
    assert sum(1 for one in kept if one.instance_id == id_of("a")) == KEPT


def test_a_long_detail_is_cut() -> None:
    evidence = made(failed_view(), sightings={id_of("a"): (sighting(detail="x" * 10_000),)})
    assert [len(one.detail) for one in record_of(evidence).sightings] == [MOST_DETAIL]


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group of settings such as another version may have."""

    url: str
    members: frozenset[UUID] = frozenset()
    by_id: Mapping[UUID, float] = field(default_factory=dict)
    colour: Colour = Colour.RED
    window: tuple[time, time] | None = None
    day: date | None = None
    patience: timedelta = timedelta(0)
    signing_secret: str | None = None
    key: str | None = field(default=None, repr=False)


def test_whatever_a_later_field_is_made_of_is_carried_and_secrets_are_not() -> None:
    group = Group(
        url="https://ann:hunter2@hooks.example/x",
        members=frozenset({id_of("a"), id_of("b")}),
        by_id={id_of("a"): 0.5},
        window=(time(2, 30), time(4, 0, tzinfo=UTC)),
        day=date(2026, 1, 1),
        patience=timedelta(seconds=1.5),
        signing_secret="hunter2",
        key="hunter2",
    )
    text = json.dumps(plain(group))

    assert "hunter2" not in text
    expected = replace(group, url="https://hooks.example/x", signing_secret=None, key=None)
    assert read_plain(Group, json.loads(text)) == expected


def test_what_has_no_plain_form_is_refused_instead_of_lost() -> None:
    with pytest.raises(TypeError, match="a complex cannot be kept as evidence"):
        plain({"x": 1j})


def test_the_last_sightings_of_each_instance_are_kept_from_each_vantage() -> None:
    seen: Mapping[UUID, tuple[Sighting, ...]] = {}
    for n in range(9):
        seen = sighted(seen, [sighting("a", "r1", n), sighting("a", "r2", n), sighting("b", "r1", n)])
    assert [s.ended_at for s in seen[id_of("b")]] == [after(n) for n in range(4, 9)]
    assert [s.ended_at for s in seen[id_of("a")] if s.vantage == "r2"] == [after(n) for n in range(4, 9)]
    for n in range(20):
        seen = sighted(seen, [sighting("a", f"v{n}", n)])
    assert len(seen[id_of("a")]) == MOST_KEPT
    assert sighted(seen, []) is seen


def test_moves_and_connections_are_part_of_it() -> None:
    view = replace(
        failed_view(),
        moves=(move(EventType.FAILBACK, "b", "a", -60),),
        connections={id_of("a"): 7},
        rests_until=datetime(2026, 1, 1, 12, 0, 9, tzinfo=UTC),
    )
    assert record_of(stored(made(view))).view == view
