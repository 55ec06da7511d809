"""What holds whatever happens: random evidence, orders and time against the pure loop."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.properties.deciding_checks import (
    check_change,
    check_flapping,
    check_plan,
    check_step,
)
from tests.proxies import NOON, carried, id_of, instance, view_of
from tests.replaying import check_replay

from switchover.control.pure_loop import (
    Evidence,
    apply_move,
    fold,
    pure_pass,
    with_instance,
    without_instance,
)
from switchover.decision.damping import cleared, damping_of, is_damped, is_suppressed
from switchover.decision.decide import decide
from switchover.decision.eligibility import lasting_vetoes
from switchover.decision.evaluate import evaluate
from switchover.decision.orders import order_execute, order_switchover
from switchover.decision.reasons import Reason
from switchover.decision.redundancy import redundancy_of, same_redundancy, standing_of
from switchover.decision.survey import survey
from switchover.decision.verdict import Decision, DecisionKind
from switchover.decision.view import View
from switchover.model.errors import OperatorError
from switchover.model.events import EventType
from switchover.model.gradual import GradualPolicy
from switchover.model.instance import AdminState, Instance, Standing
from switchover.model.observation import Health, Observation, Outcome, Report
from switchover.model.policy import FailoverPolicy, Listener, Strategy, relation_problems
from switchover.model.proxy import Pin
from switchover.model.steadiness import AllDown, FailbackMode, FailbackWindow, FlapDamping

NAMES = "abcd"
names = st.sampled_from(NAMES)
MOST_NEEDED = 3  # no policy here asks for more passes or failures
everyone = st.sets(names, min_size=1).map(sorted)
policies = st.builds(
    FailoverPolicy,
    failover_strategy=st.sampled_from([Strategy.PRIORITY, Strategy.PRIORITY, *Strategy]),
    unhealthy_threshold=st.integers(1, 3),
    healthy_threshold=st.integers(1, 3),
    enable_auto_failover=st.sampled_from([True, True, True, False]),
    enable_auto_recovery=st.sampled_from([True, True, True, False]),
    enable_load_balancing=st.booleans(),
    exclusive=st.sampled_from([False, False, True]),
    listener=st.none() | st.just(Listener(port=10000)),
    given_failback_hold_down_seconds=st.sampled_from([0.0, 0.05, 5.0, 300.0]),
    max_failbacks=st.integers(0, 2),
    flap_damping=st.sampled_from(
        [
            FlapDamping(suppress_limit=1.5, half_life_seconds=60, max_hold_seconds=300),
            FlapDamping(),
            FlapDamping(enabled=False),
        ]
    ),
    min_dwell_seconds=st.sampled_from([0.0, 1.0, 2.5, 30.0]),
    given_failback=st.sampled_from([None, None, *FailbackMode]),
    failback_window=st.sampled_from(
        [None, None, FailbackWindow(start=time(22), end=time(13), time_zone="America/New_York")]
    ),
    all_down=st.sampled_from(AllDown),
    gradual=st.sampled_from([None, GradualPolicy(), GradualPolicy(steps=(50, 100), dwell_seconds=1.0)]),
)
policies = policies.map(lambda p: p if not relation_problems(p) else replace(p, gradual=None))
policies = policies.map(lambda p: p if not relation_problems(p) else replace(p, all_down=AllDown.KEEP_LAST))


class Deciding(RuleBasedStateMachine):
    """One proxy in a random world. Every step ends in a pass, as every command of the service does."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.view = view_of()
        self.actives_by_epoch: dict[int, UUID | None] = {0: None}
        self.moved_by_itself_at: datetime | None = None

    @initialize(policy=policies, priorities=st.dictionaries(names, st.integers(1, 3), min_size=2))
    def begin(self, policy: FailoverPolicy, priorities: dict[str, int]) -> None:
        self.view = replace(self.view, proxy=replace(self.view.proxy, policy=policy))
        for name, priority in priorities.items():
            self.add(name, priority=priority, weight=1, carriable=True)
        self.be_well()

    @rule(batch=st.lists(st.tuples(names, st.sampled_from(Outcome)), min_size=1, max_size=4))
    def observe(self, batch: list[tuple[str, Outcome]]) -> None:
        self.pass_over([self.observation(name, outcome, self.now) for name, outcome in batch])

    @rule(who=everyone, outcome=st.sampled_from([Outcome.PASS, Outcome.FAIL]), times=st.integers(1, 3))
    def observe_a_run(self, who: list[str], outcome: Outcome, times: int) -> None:
        self.run_of(who, outcome, times)

    @rule()
    def be_well(self) -> None:
        self.run_of([i.name for i in self.view.instances], Outcome.PASS, MOST_NEEDED)

    @precondition(lambda self: self.view.active is not None)
    @rule(turns=st.integers(1, 3))
    def flap(self, turns: int) -> None:
        for _ in range(turns):
            failing = self.view.active
            if failing is None:
                return
            self.run_of([failing.name], Outcome.FAIL, MOST_NEEDED)
            self.run_of([failing.name], Outcome.PASS, MOST_NEEDED)
            recheck_at = decide(self.view, self.now).recheck_at
            if recheck_at is not None:
                self.now = recheck_at
                self.pass_over([])

    @rule(name=names, outcome=st.sampled_from(Outcome), age=st.floats(0.1, 59))
    def observe_late(self, name: str, outcome: Outcome, age: float) -> None:
        self.pass_over([self.observation(name, outcome, self.now - timedelta(seconds=age))])

    @rule(name=names, verdict=st.sampled_from(Health))
    def report(self, name: str, verdict: Health) -> None:
        self.pass_over([Report(instance_id=id_of(name), verdict=verdict, reported_at=self.now)])

    @rule(name=names, order=st.sampled_from(AdminState))
    def order(self, name: str, order: AdminState) -> None:
        ordered = self.view.instance(id_of(name))
        if ordered is not None:
            self.put(replace(ordered, admin_state=order, admin_changed_at=self.now))

    @rule(name=names, priority=st.integers(1, 3), weight=st.integers(1, 2), carriable=st.booleans())
    def add(self, name: str, priority: int, weight: int, *, carriable: bool) -> None:
        if self.view.instance(id_of(name)) is None:
            address: dict[str, Any] = {} if carriable else {"address": None, "resolved_host": None}
            self.put(instance(name, Health.UNKNOWN, priority=priority, weight=weight, **address))

    @rule(name=names)
    def remove(self, name: str) -> None:
        self.view = without_instance(self.view, id_of(name))
        self.pass_over([])

    @rule(policy=policies)
    def change_policy(self, policy: FailoverPolicy) -> None:
        self.view = replace(self.view, proxy=replace(self.view.proxy, policy=policy))
        self.pass_over([])

    @rule()
    def unpin(self) -> None:
        self.view = replace(self.view, proxy=replace(self.view.proxy, pinned_instance_id=None))
        self.pass_over([])

    @precondition(lambda self: self.view.proxy.active_instance_id is not None)
    @rule(seconds=st.none() | st.sampled_from([1.0, 60.0, 3600.0]))
    def pin(self, seconds: float | None) -> None:
        proxy = self.view.proxy
        assert proxy.active_instance_id is not None
        until = None if seconds is None else self.now + timedelta(seconds=seconds)
        pin = Pin(instance_id=proxy.active_instance_id, until=until)
        self.view = replace(self.view, proxy=replace(proxy, pinned_instance_id=pin.instance_id, pin_note=pin))
        self.pass_over([])

    @rule(name=names)
    def undamp(self, name: str) -> None:
        damped = self.view.instance(id_of(name))
        if damped is not None:
            undamped = cleared(damped, self.view.moves, self.now)
            assert damping_of(undamped, self.view.moves, self.view.proxy.policy, self.now).vetoes == ()
            self.put(undamped)

    @rule(counts=st.dictionaries(names.map(id_of), st.integers(0, 3)))
    def connections(self, counts: dict[UUID, int]) -> None:
        self.view = replace(self.view, connections=counts)
        self.pass_over([])

    @rule(name=names, requests=st.integers(1, 60), failed=st.integers(0, 20))
    def carry(self, name: str, requests: int, failed: int) -> None:
        carrying = self.view.instance(id_of(name))
        if carrying is not None:
            self.put(carried(carrying, requests, min(requests, failed)))

    @rule(away=names, to=names)
    def execute(self, away: str, to: str) -> None:
        try:
            decision = order_execute(self.view, id_of(away), id_of(to), self.now)
        except OperatorError:
            return
        self.commit_order(decision)

    @rule(to=st.none() | names)
    def switch(self, to: str | None) -> None:
        try:
            decision = order_switchover(self.view, id_of(to) if to else None, self.now)
        except OperatorError:
            return
        self.commit_order(decision)

    @rule(seconds=st.sampled_from([0.01, 1.0, 6.0, 30.0, 299.0, 301.0, 3600.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.pass_over([])

    @rule(seconds=st.sampled_from([1.0, 61.0, 3600.0]))
    def set_the_clock_back(self, seconds: float) -> None:
        before = decide(self.view, self.now)
        self.now -= timedelta(seconds=seconds)
        assert not before.acts
        self.moved_by_itself_at = None
        if before.reason is Reason.DWELLING or self.view.proxy.policy.failback_window is not None:
            # The one move that was wanted already, or one that a window of that time lets through.
            self.pass_over([])
        assert not decide(self.view, self.now).acts, "setting the clock back is no reason to move"

    @precondition(lambda self: decide(self.view, self.now).recheck_at is not None)
    @rule(share=st.floats(0, 1))
    def time_alone_changes_a_hold_at_its_recheck_and_no_sooner(self, share: float) -> None:
        hold = decide(self.view, self.now)
        assert hold.recheck_at is not None
        assert hold.recheck_at > self.now
        sooner = self.now + (hold.recheck_at - self.now) * share
        if sooner < hold.recheck_at:
            assert decide(self.view, sooner).kind is DecisionKind.HOLD
        self.now = hold.recheck_at
        self.pass_over([])

    @invariant()
    def at_rest(self) -> None:
        decision = decide(self.view, self.now)
        assert decision == decide(self.view, self.now)
        assert decision.kind is DecisionKind.HOLD
        if decision.recheck_at is None:
            for seconds in (1, 300, 3600, 7200):
                assert not decide(self.view, self.now + timedelta(seconds=seconds)).acts

    @invariant()
    def a_lone_survivor_is_never_damped(self) -> None:
        policy = self.view.proxy.policy
        able = [i for i in self.view.instances if not lasting_vetoes(i, policy)]
        if able:
            assert survey(self.view, self.now).eligible, "somebody could serve, and nobody may"

    @invariant()
    def scores_stay_below_their_ceiling_and_decay(self) -> None:
        for each in self.view.instances:
            check_flapping(each.health.flapping, self.view.proxy.policy.flap_damping, self.now)

    @invariant()
    def evaluating_agrees_and_disabled_comes_first(self) -> None:
        decision, evaluation = decide(self.view, self.now), evaluate(self.view, self.now)
        if self.view.proxy.policy.enable_auto_failover:
            assert evaluation == decision
        else:
            assert evaluation.reason is Reason.AUTO_FAILOVER_DISABLED

    @invariant()
    def one_active_per_epoch(self) -> None:
        proxy = self.view.proxy
        assert self.actives_by_epoch[proxy.epoch] == proxy.active_instance_id
        assert max(self.actives_by_epoch) == proxy.epoch

    @invariant()
    def the_plan_carries_whom_it_should(self) -> None:
        check_plan(self.view)

    @invariant()
    def redundancy_adds_up(self) -> None:
        status = redundancy_of(self.view, previous=None, now=self.now)
        unknown = sum(1 for i in self.view.instances if i.health.state is Health.UNKNOWN)
        assert status.total_instances == len(self.view.instances)
        assert status.healthy_instances + status.unhealthy_instances + unknown == status.total_instances
        standbys = {
            i.instance_id for i in self.view.instances if standing_of(i, self.view) is Standing.STANDBY
        }
        assert set(status.backup_instance_ids) == standbys
        assert len(status.backup_instance_ids) == len(standbys)
        assert same_redundancy(status, redundancy_of(self.view, previous=status, now=self.now + timedelta(1)))

    @invariant()
    def counters_agree_with_the_state(self) -> None:
        for health in (i.health for i in self.view.instances):
            assert not (health.consecutive_failures and health.consecutive_passes)
            assert (health.first_failed_at is not None) == (health.consecutive_failures > 0)
            if health.state is Health.HEALTHY:
                assert health.changed_at is not None

    def run_of(self, who: list[str], outcome: Outcome, times: int) -> None:
        for _ in range(times):
            self.now += timedelta(seconds=1)
            self.pass_over([self.observation(name, outcome, self.now) for name in who])

    def put(self, changed: Instance) -> None:
        self.view = with_instance(self.view, changed)
        self.pass_over([])

    def observation(self, name: str, outcome: Outcome, ended_at: datetime) -> Observation:
        return Observation(
            instance_id=id_of(name),
            outcome=outcome,
            code=outcome.value,
            detail="",
            started_at=ended_at - timedelta(seconds=1),
            ended_at=ended_at,
        )

    def pass_over(self, evidence: list[Evidence]) -> None:
        believed = self.view
        for piece in evidence:
            believed, change = fold(believed, piece)
            assert (change is None) == (self.view.instance(piece.instance_id) is None)
            if change is not None:
                check_change(change, piece, self.view.proxy.policy)
        result = pure_pass(self.view, evidence, self.now)
        if result.decision.acts:
            check_replay(believed, result.decision, self.now)
            self.check_move(believed, result.decision)
            self.check_automatic(believed, result.decision)
        self.follow(believed, result.view, result.decision)

    def commit_order(self, decision: Decision) -> None:
        self.check_move(self.view, decision)
        check_replay(self.view, decision, self.now)
        self.follow(self.view, apply_move(self.view, decision, self.now), decision)
        pinned = self.view.proxy.pinned_instance_id
        assert pinned == decision.target_instance_id or decision.kind is DecisionKind.ACTIVATE

    def check_move(self, before: View, decision: Decision) -> None:
        target = before.instance(decision.target_instance_id)
        assert target is not None
        assert decision.target_instance_id != before.proxy.active_instance_id
        assert not lasting_vetoes(target, before.proxy.policy)
        assert decision.source_instance_id == before.proxy.active_instance_id
        assert (decision.kind is DecisionKind.ACTIVATE) == (before.proxy.active_instance_id is None)

    def check_automatic(self, before: View, decision: Decision) -> None:
        policy = before.proxy.policy
        target = before.instance(decision.target_instance_id)
        evidence = next(c for c in decision.candidates if c.instance_id == decision.target_instance_id)
        assert target is not None
        assert evidence.vetoes == ()
        assert evidence.score is not None
        match decision.kind:
            case DecisionKind.FAILOVER:
                active = before.active
                if before.gradual and decision.reason is Reason.GRADUAL_ABORTED:
                    assert target.instance_id == before.gradual.source_instance_id
                    return
                assert policy.enable_auto_failover
                assert active is None or active.health.consecutive_failures >= policy.unhealthy_threshold
            case DecisionKind.FAILBACK:
                assert policy.enable_auto_failover
                assert policy.failback is FailbackMode.AUTOMATIC
                assert policy.failover_strategy is Strategy.PRIORITY
                pin = before.proxy.pin_at(self.now)
                assert pin is None or pin.instance_id != before.proxy.active_instance_id
                assert not is_damped(target, before.moves, policy, self.now)
                assert not is_suppressed(target, policy, self.now)
                window = policy.failback_window
                assert window is None or window.next_opening(self.now) == self.now
                assert target.health.consecutive_passes >= policy.healthy_threshold
            case _:
                pass
        if decision.reason in {Reason.ACTIVE_UNHEALTHY, Reason.PREFERRED_IS_WELL}:
            self.check_dwell(policy)
            self.moved_by_itself_at = self.now

    def check_dwell(self, policy: FailoverPolicy) -> None:
        if self.moved_by_itself_at is not None:
            assert (self.now - self.moved_by_itself_at).total_seconds() >= policy.min_dwell_seconds

    def follow(self, before: View, after: View, decision: Decision) -> None:
        grown = after.proxy.epoch - before.proxy.epoch
        assert grown == (1 if decision.acts or decision.step is not None else 0)
        if decision.step is not None:
            check_step(before, after, decision.step)
            self.actives_by_epoch[after.proxy.epoch] = after.proxy.active_instance_id
        elif decision.acts:
            self.actives_by_epoch[after.proxy.epoch] = after.proxy.active_instance_id
            assert after.moves[-1].committed_at == self.now
            assert after.moves[-1].event_type is not EventType.RECOVERY
        else:
            assert after.proxy == before.proxy
        self.view = after


TestDeciding = Deciding.TestCase
TestDeciding.settings = settings(
    max_examples=400,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
