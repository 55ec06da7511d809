"""What holds of a move in steps, whatever happens to its ends."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.deciding_checks import check_plan, check_step
from tests.proxies import NOON, carried, id_of, instance, view_of

from switchover.control.pure_loop import apply_move, pure_pass, with_instance
from switchover.decision.orders import order_switchover
from switchover.model.gradual import GradualPolicy
from switchover.model.observation import Health
from switchover.model.policy import Listener

ENDS = st.sampled_from("ab")
HAPPENINGS = st.one_of(
    st.just(("time", "", 31)),
    st.tuples(st.just("health"), ENDS, st.sampled_from([Health.HEALTHY, Health.HEALTHY, *Health])),
    st.tuples(st.just("errors"), ENDS, st.integers(0, 5)),
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(happenings=st.lists(HAPPENINGS, min_size=1, max_size=12))
def test_shares_only_grow_and_whoever_is_not_well_gets_nothing(
    happenings: list[tuple[str, str, object]],
) -> None:
    now, view = NOON, view_of(instance("a"), instance("b"), active="a")
    policy = replace(view.proxy.policy, listener=Listener(port=10000), gradual=GradualPolicy())
    view = replace(view, proxy=replace(view.proxy, policy=policy))
    view = apply_move(view, order_switchover(view, id_of("b"), now), now)
    assert view.gradual is not None
    for what, name, amount in happenings:
        now += timedelta(seconds=31 if what == "time" else 1)
        one = view.instance(id_of(name)) if name else None
        if one is not None and isinstance(amount, Health):
            failures = 10 if amount is Health.UNHEALTHY else 0
            health = replace(one.health, state=amount, changed_at=now, consecutive_failures=failures)
            view = with_instance(view, replace(one, health=health))
        elif one is not None and isinstance(amount, int):
            view = with_instance(view, carried(one, 100, amount))
        check_plan(view)
        before = view
        done = pure_pass(view, (), now)
        view = done.view
        check_plan(view)
        if done.decision.step is not None:
            check_step(before, view, done.decision.step)
        if view.gradual is None:
            return
