"""The simulator finds guards that are broken on purpose, each by a small faulty subclass.

There is more than one guard on most roads. What is masked by another one alone is shown to be, and that one is taken away too.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import count, islice

import pytest

from switchover.control import plane
from switchover.control.cycle import Cycle
from switchover.control.fleet import ProxyState
from switchover.control.intent import Intent
from switchover.control.ownership import Ownership
from switchover.control.timetable import Timetable
from switchover.decision import failover, guards, orders
from switchover.decision.blocking import obey_rules, stop_while_paused
from switchover.decision.dwell import settle_first
from switchover.decision.in_doubt import hold_in_doubt
from switchover.decision.quorum import votes_down
from switchover.decision.rules import MoveBlocked
from switchover.model.lease import Fence
from switchover.model.plan import Plan
from switchover.model.rules import MoveLimit, Scope
from switchover.record.store import Move, Pass
from switchover.testing.simulator import simulate
from switchover.testing.simulator.company import SimulatedStore
from switchover.testing.simulator.node import NodeDriver
from switchover.testing.simulator.simulation import Kind, kind_of

MOST_SEEDS = 400
FEW_SEEDS = 60
"""Enough for what follows to be found, were it not masked."""


class Unguarded(SimulatedStore):
    """Takes every move, whatever the active and the epoch are."""

    def _check_move(self, proxy_id: str, move: Move) -> None:
        pass


class Unfenced(SimulatedStore):
    """Takes every write, whoever has the lease."""

    def _check_fence(self, proxy_id: str, fence: Fence | None) -> None:
        pass


class SelfAssured(Cycle):
    """Never looks whether what it was not told of was stored."""

    async def settle(self, proxy_id: str) -> None:
        pass


class Timeless(Ownership):
    """Believes its session to last for ever."""

    @property
    def is_valid(self) -> bool:
        return True


class Forward(NodeDriver):
    """Serves what it knows, although the node has acknowledged a newer epoch."""

    def _held_back(self, plan: Plan) -> bool:  # noqa: ARG002
        return False


def seeds(kind: Kind | None) -> Iterator[int]:
    """The first seeds of worlds of that kind; of any kind without one."""
    return (seed for seed in count() if kind is None or kind_of(seed) is kind)


def found(words: str, kind: Kind | None = None, **broken: type) -> int | None:
    """The first seed in which something like this was violated; None within `MOST_SEEDS` of that kind."""
    for seed in islice(seeds(kind), MOST_SEEDS):
        if any(words in violation for violation in simulate(seed, **broken).violations):
            return seed
    return None


def violations(most: int, kind: Kind | None = None, **broken: type) -> list[str]:
    return [v for seed in islice(seeds(kind), most) for v in simulate(seed, **broken).violations]


def test_without_compare_and_set_an_epoch_is_used_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    # Alone it is masked: only the owner gets through the fence, and an owner that was not told whether its move was
    # stored looks before it decides again.
    assert violations(FEW_SEEDS, store=Unguarded) == []
    monkeypatch.setattr(plane, "Cycle", SelfAssured)
    assert not [words for words in violations(FEW_SEEDS) if "a move took epoch" in words]
    assert found("a move took epoch", store=Unguarded) is not None


def test_without_fences_a_replica_stores_what_is_no_longer_its_own() -> None:
    # Its own clock keeps it from deciding once its session is over; what was under way before it is stored late.
    assert found("whose lease or session is over", store=Unfenced) is not None


def test_without_fences_and_clock_a_replica_moves_what_is_no_longer_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plane, "Ownership", Timeless)
    # Alone the clock is masked by the fences: late work is refused.
    assert violations(FEW_SEEDS) == []
    assert found("commit_pass on web was stored for a replica", store=Unfenced) is not None


def test_without_holding_back_a_node_goes_to_an_older_epoch() -> None:
    assert found("back to", driver=Forward) is not None


def test_without_a_quorum_one_blind_replica_moves_what_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    # As if one vote were enough: the view still says what the others see.
    monkeypatch.setattr(failover, "is_down", lambda view, active: votes_down(view, active) > 0)
    assert found("one observer alone was blind", Kind.QUORUM, store=SimulatedStore) is not None


def test_in_doubt_moves_are_made_without_the_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "GUARDS", tuple(g for g in guards.GUARDS if g is not hold_in_doubt))
    assert found("doubts itself and makes", store=SimulatedStore) is not None


class Ruleless(SimulatedStore):
    """Stores every move, whatever pauses and rules say."""

    def _check_rules(self, change: Pass, move: Move) -> None:
        pass


class Countless(SimulatedStore):
    """Counts no moves when it is asked whether one more is within the limit."""

    def _latest_counted(self, scope: Scope, limit: MoveLimit, now: datetime) -> datetime | None:  # noqa: ARG002
        return None


def test_without_the_look_in_the_commit_a_move_is_made_while_a_pause_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A replica that was not told yet decides to move; nearly always it was told.
    assert found("a pause of", Kind.BOUNDED, store=Ruleless) is not None
    # The other way round the look in the commit is enough.
    unguarded = tuple(g for g in guards.GUARDS if g not in {stop_while_paused, obey_rules})
    monkeypatch.setattr(guards, "GUARDS", unguarded)
    assert not [words for words in violations(FEW_SEEDS, Kind.BOUNDED) if "a pause of" in words]


@pytest.mark.parametrize("words", ["was off", "in a freeze", "to serve; "])
def test_without_the_guard_and_the_look_in_the_commit_rules_bind_nobody(
    monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setattr(guards, "GUARDS", tuple(g for g in guards.GUARDS if g is not obey_rules))
    monkeypatch.setattr(orders, "would_break", lambda seen, decision: ())  # noqa: ARG005
    assert found(words, Kind.BOUNDED, store=Ruleless) is not None


def test_without_the_count_in_the_commit_two_owners_move_more_than_the_limit_of_the_fleet() -> None:
    # Of its own moves each owner knows; so it takes two.
    assert found("has a limit of", Kind.BOUNDED, store=Countless) is not None


def test_without_the_dwell_moves_follow_each_other_too_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "GUARDS", tuple(g for g in guards.GUARDS if g is not settle_first))
    assert found("the least is", Kind.BOUNDED, store=SimulatedStore) is not None


class Unlearning(Cycle):
    """Puts a move that the store did not let pass on record without its grounds."""

    async def _learn(self, refusal: MoveBlocked) -> None:
        pass


def test_a_blocked_move_without_its_grounds_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plane, "Cycle", Unlearning)
    assert found("replays differently", Kind.BOUNDED, store=SimulatedStore) is not None


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("_end_orders", "stand beyond its end"),
        ("_make_scheduled", "has not made the move"),
        ("_go_on", "has not ended the drill"),
    ],
)
def test_what_time_should_have_done_is_missed(monkeypatch: pytest.MonkeyPatch, step: str, words: str) -> None:
    async def forgotten(timetable: Timetable, proxy_id: str) -> None:
        pass

    monkeypatch.setattr(Timetable, step, forgotten)
    assert found(words, Kind.BOUNDED, store=SimulatedStore) is not None


class Forgetful(Cycle):
    """Puts other evidence on record than it decided by."""

    async def _record(self, intent: Intent, believed: ProxyState) -> None:
        if intent.event is not None:
            intent.event.evidence["candidates"] = []  # type: ignore[index] # that is the fault
        await super()._record(intent, believed)


def test_other_evidence_than_was_decided_by_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plane, "Cycle", Forgetful)
    assert found("has other evidence", store=SimulatedStore) is not None
