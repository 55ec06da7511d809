"""What must hold of single values, whatever led to them."""

from dataclasses import replace
from datetime import datetime, timedelta

from switchover.control.pure_loop import Evidence
from switchover.decision.eligibility import is_carriable, lasting_vetoes
from switchover.decision.plan import is_all_down, plan_of
from switchover.decision.view import View
from switchover.health.flapping import flap_score, suppressed_until
from switchover.health.machine import HealthChange
from switchover.health.transitions import TRANSITIONS
from switchover.model.gradual import GradualMove
from switchover.model.instance import AdminState
from switchover.model.observation import Flapping, Health, Outcome, Report
from switchover.model.policy import FailoverPolicy
from switchover.model.steadiness import AllDown, FlapDamping

REASONS = {transition.reason for transition in TRANSITIONS.values()}


def check_plan(view: View) -> None:
    """The plan lists whom it should, each once."""
    plan, policy, active = plan_of(view), view.proxy.policy, view.active
    check_shares(view)
    assert (plan is None) == (policy.listener is None)
    if plan is None:
        return
    members = [endpoint.instance_id for tier in plan.tiers for endpoint in tier]
    assert len(members) == len(set(members))
    assert all(tier for tier in plan.tiers)
    assert plan.epoch == view.proxy.epoch
    all_down = policy.all_down if is_all_down(view) else AllDown.KEEP_LAST
    if all_down is AllDown.FAIL_FAST:
        assert not members
        return
    for instance_id in members:
        member = view.instance(instance_id)
        assert member is not None
        if all_down is AllDown.KEEP_LAST:
            assert member is active or not lasting_vetoes(member, policy)
        else:
            assert member is active or member.admin_state is AdminState.READY
    taken_back = view.gradual is not None and active is not None and lasting_vetoes(active, policy)
    if active is not None and is_carriable(active) and all_down is AllDown.KEEP_LAST and not taken_back:
        first = [endpoint.instance_id for endpoint in plan.tiers[0]]
        shared = policy.enable_load_balancing and lasting_vetoes(active, policy)
        assert active.instance_id in first or shared
    if not plan.autonomous:
        assert len(plan.tiers) <= 1


def check_shares(view: View) -> None:
    """While a move is under way in steps its two ends share the traffic, and whoever could not serve gets none of it."""
    plan, move, policy = plan_of(view), view.gradual, view.proxy.policy
    if plan is None or move is None or policy.gradual is None or not plan.tiers:
        return
    assert move.target_instance_id == view.proxy.active_instance_id
    assert move.is_stepping
    able = {i.instance_id for i in view.instances if not lasting_vetoes(i, policy)}
    weights = {endpoint.instance_id: endpoint.weight for endpoint in plan.tiers[0]}
    if {move.source_instance_id, move.target_instance_id} <= able:
        assert weights == {move.target_instance_id: move.share, move.source_instance_id: 100 - move.share}
    elif move.source_instance_id in able:
        assert weights.keys() == {move.source_instance_id}


def check_step(before: View, after: View, step: GradualMove) -> None:
    """A step gives its target more, never less, and only while it is well, or alone."""
    move = before.gradual
    assert move is not None
    assert after.proxy == replace(before.proxy, epoch=before.proxy.epoch + 1)
    assert step.share > move.share
    assert (step.source_instance_id, step.target_instance_id, step.steps) == (
        move.source_instance_id,
        move.target_instance_id,
        move.steps,
    )
    source, target = before.instance(move.source_instance_id), before.active
    assert target is not None
    assert target.admin_state is AdminState.READY
    if source is not None and not lasting_vetoes(source, before.proxy.policy) and before.proxy.policy.gradual:
        assert step.step == move.step + 1
        assert target.health.state is Health.HEALTHY


def check_flapping(flapping: Flapping, damping: FlapDamping, now: datetime) -> None:
    """A score decays, and suppresses for no longer than the maximum hold."""
    score = flap_score(flapping, damping, now)
    later = flap_score(flapping, damping, now + timedelta(seconds=damping.half_life_seconds))
    assert 0 <= later <= score <= flapping.score
    ends_at = suppressed_until(flapping, damping)
    if ends_at is not None:
        assert flapping.scored_at is not None
        assert timedelta() <= ends_at - flapping.scored_at <= timedelta(seconds=damping.max_hold_seconds)


def check_change(change: HealthChange, evidence: Evidence, policy: FailoverPolicy) -> None:
    before, after = change.before, change.after
    assert change.reason in REASONS
    assert change.changed == (before.state is not after.state)
    if not change.changed:
        assert after.changed_at == before.changed_at
    if after.inconclusive_count != before.inconclusive_count:
        assert after == replace(before, inconclusive_count=before.inconclusive_count + 1)
        return
    if isinstance(evidence, Report):
        assert after.state is evidence.verdict
        return
    assert evidence.outcome is not Outcome.INCONCLUSIVE
    if after.consecutive_failures >= policy.unhealthy_threshold:
        assert after.state is Health.UNHEALTHY
    if after.consecutive_passes >= policy.healthy_threshold:
        assert after.state is Health.HEALTHY
    if change.changed and after.state is Health.UNHEALTHY:
        assert after.consecutive_failures >= policy.unhealthy_threshold
    if change.changed and before.state is Health.UNHEALTHY:
        assert after.consecutive_passes >= policy.healthy_threshold
