from dataclasses import replace
from typing import Any

import pytest
from tests.proxies import NOON, after, flapped, id_of, instance, view_of

from switchover.decision.damping import cleared, damping_of
from switchover.decision.decide import decide
from switchover.decision.reasons import Reason, Veto, sentence
from switchover.decision.verdict import DecisionKind
from switchover.decision.view import View
from switchover.model.observation import Flapping, Health
from switchover.model.policy import FailoverPolicy
from switchover.model.proxy import Pin
from switchover.model.steadiness import FailbackMode

SUPPRESSED = Flapping(score=4, scored_at=after(-60), suppressed_since=after(-60))
"""With the defaults suppressed for 240 s from a minute ago."""


def away_from_a(pin: Pin | None = None, flapping: Flapping | None = None, **policy: Any) -> View:
    preferred = instance("a", priority=1)
    if flapping is not None:
        preferred = replace(preferred, health=replace(preferred.health, flapping=flapping))
    view = view_of(preferred, instance("b"), active="b", **policy)
    pinned = None if pin is None else pin.instance_id
    return replace(view, proxy=replace(view.proxy, pinned_instance_id=pinned, pin_note=pin))


def test_the_mode_follows_auto_recovery_unless_it_was_given() -> None:
    assert FailoverPolicy().failback is FailbackMode.AUTOMATIC
    assert FailoverPolicy(enable_auto_recovery=False).failback is FailbackMode.NEVER
    given = FailoverPolicy(enable_auto_recovery=False, given_failback=FailbackMode.MANUAL)
    assert given.failback is FailbackMode.MANUAL


def test_manual_failback_names_the_command_even_without_automatic_failover() -> None:
    view = away_from_a(given_failback=FailbackMode.MANUAL, enable_auto_failover=False)
    held = decide(view, NOON)
    assert (held.kind, held.recheck_at) == (DecisionKind.HOLD, None)
    assert sentence(held.reason, held.facts).endswith("`switchover switch web --to a`")


def test_a_pin_that_ends_holds_until_then() -> None:
    view = away_from_a(Pin(instance_id=id_of("b"), until=after(60)))
    held = decide(view, NOON)
    assert (held.reason, held.recheck_at) == (Reason.PINNED, after(60))
    assert decide(view, after(60)).kind is DecisionKind.FAILBACK


def test_a_note_about_another_instance_is_no_pin() -> None:
    view = away_from_a(Pin(instance_id=id_of("b")))
    stale = replace(view.proxy, pin_note=Pin(instance_id=id_of("a"), until=after(-60)))
    assert stale.pin == Pin(instance_id=id_of("b"))
    assert replace(stale, pinned_instance_id=None).pin is None


def test_a_suppressed_instance_is_not_failed_back_to() -> None:
    view = away_from_a(flapping=SUPPRESSED)
    held = decide(view, NOON)
    assert (held.reason, held.recheck_at) == (Reason.PREFERRED_FLAPS, after(180))
    assert held.candidates[1].vetoes == (Veto.FLAPPING,)
    assert decide(view, after(179.9)).kind is DecisionKind.HOLD
    assert decide(view, after(180)).kind is DecisionKind.FAILBACK


def test_what_damps_an_instance_and_until_when() -> None:
    moves = flapped("a", "b", at=-10, times=3)
    policy = FailoverPolicy()
    steady = instance("a", since=-5)
    both = replace(steady, health=replace(steady.health, flapping=SUPPRESSED))
    damping = damping_of(both, moves, policy, NOON)
    assert damping.vetoes == (Veto.DAMPED, Veto.FLAPPING)
    assert damping.until == after(295)
    assert damping.flap_score == pytest.approx(4 * 2**-0.5)
    sick = replace(both, health=replace(both.health, state=Health.UNHEALTHY))
    assert damping_of(sick, moves, policy, NOON).until is None


def test_moves_before_the_damping_was_cleared_count_no_more() -> None:
    moves = flapped("a", "b", at=-10, times=3)
    lately = instance("a", since=-5, damping_cleared_at=after(-3))
    assert damping_of(lately, moves, FailoverPolicy(), NOON).vetoes == ()
    future = flapped("a", "b", at=3600, times=3)
    undamped = cleared(instance("a", since=-5), future, NOON)
    assert damping_of(undamped, future, FailoverPolicy(), NOON).vetoes == ()
    too_early = replace(lately, damping_cleared_at=after(-500))
    assert damping_of(too_early, moves, FailoverPolicy(), NOON).vetoes == (Veto.DAMPED,)
