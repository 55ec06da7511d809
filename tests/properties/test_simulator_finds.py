"""The simulator finds guards that are broken on purpose, each by a small faulty subclass.

There is more than one guard on most roads. What is masked by another one alone is shown to be, and that one is taken away too.
"""

import pytest

from switchover.control import plane
from switchover.control.cycle import Cycle
from switchover.control.fleet import ProxyState
from switchover.control.intent import Intent
from switchover.control.ownership import Ownership
from switchover.decision import failover, guards
from switchover.decision.in_doubt import hold_in_doubt
from switchover.decision.quorum import votes_down
from switchover.model.lease import Fence
from switchover.model.plan import Plan
from switchover.record.store import Move
from switchover.testing.simulator import simulate
from switchover.testing.simulator.company import SimulatedStore
from switchover.testing.simulator.node import NodeDriver

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


def found(words: str, **broken: type) -> int | None:
    """The first seed in which something like this was violated; None within `MOST_SEEDS`."""
    for seed in range(MOST_SEEDS):
        if any(words in violation for violation in simulate(seed, **broken).violations):
            return seed
    return None


def violations(seeds: int, **broken: type) -> list[str]:
    return [violation for seed in range(seeds) for violation in simulate(seed, **broken).violations]


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
    assert found("one observer alone was blind", store=SimulatedStore) is not None


def test_in_doubt_moves_are_made_without_the_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "GUARDS", tuple(g for g in guards.GUARDS if g is not hold_in_doubt))
    assert found("doubts itself and makes", store=SimulatedStore) is not None


class Forgetful(Cycle):
    """Puts other evidence on record than it decided by."""

    async def _record(self, intent: Intent, believed: ProxyState) -> None:
        if intent.event is not None:
            intent.event.evidence["candidates"] = []  # type: ignore[index] # that is the fault
        await super()._record(intent, believed)


def test_other_evidence_than_was_decided_by_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plane, "Cycle", Forgetful)
    assert found("has other evidence", store=SimulatedStore) is not None
