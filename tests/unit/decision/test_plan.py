from typing import Any

import pytest
from tests.proxies import flapped, id_of, instance, move, view_of

from switchover.decision.plan import is_all_down, plan_of
from switchover.decision.view import View
from switchover.model.events import EventType
from switchover.model.instance import AdminState
from switchover.model.observation import Health
from switchover.model.plan import Plan
from switchover.model.policy import BalancingAlgorithm, Listener, Strategy, Traffic
from switchover.model.steadiness import AllDown

LISTENER = Listener(port=10000)
NAMES = {id_of(name): name for name in "abcdz"}


def planned(view: View) -> Plan:
    plan = plan_of(view)
    assert plan is not None
    return plan


def tiers(view: View) -> list[str]:
    return ["".join(NAMES[e.instance_id] for e in tier) for tier in planned(view).tiers]


def carried(*instances: Any, **changes: Any) -> View:
    return view_of(*instances, listener=LISTENER, **changes)


def test_a_proxy_without_a_listener_has_no_plan() -> None:
    assert plan_of(view_of(instance("a"), active="a")) is None


def test_the_plan_carries_epoch_listener_traffic_and_addresses() -> None:
    traffic = Traffic(retries=7)
    view = carried(instance("a", weight=30), active="a", epoch=9, traffic=traffic)
    plan = planned(view)
    assert (plan.proxy_id, plan.epoch, plan.listener, plan.traffic) == ("web", 9, LISTENER, traffic)
    endpoint = plan.tiers[0][0]
    assert (endpoint.host, endpoint.port, endpoint.weight) == ("10.0.0.97", 80, 30)
    assert (plan.balancing, plan.autonomous, plan.exclusive) == (None, True, False)


def test_before_the_first_activation_nobody_carries_anything() -> None:
    assert tiers(carried(instance("a"), instance("b"))) == []
    assert tiers(carried(instance("a"), instance("b"), enable_load_balancing=True)) == []


def test_standbys_follow_the_active_by_preference() -> None:
    view = carried(
        instance("a", priority=3), instance("b", priority=2), instance("c", priority=1), active="b"
    )
    assert tiers(view) == ["b", "c", "a"]


def test_standbys_follow_the_active_in_rotation_under_round_robin() -> None:
    view = carried(
        instance("a"), instance("b"), instance("c"), active="b", failover_strategy=Strategy.ROUND_ROBIN
    )
    assert tiers(view) == ["b", "c", "a"]


@pytest.mark.parametrize(
    "active",
    [
        instance("a", Health.UNHEALTHY),
        instance("a", Health.UNKNOWN),
        instance("a", admin_state=AdminState.DRAIN),
    ],
    ids=["unhealthy", "unknown", "drained"],
)
def test_the_active_stays_first_whatever_became_of_it(active: Any) -> None:
    assert tiers(carried(active, instance("b"), active="a")) == ["a", "b"]
    assert tiers(carried(active, instance("b", Health.UNHEALTHY), active="a")) == ["a"]


def test_standbys_move_up_when_the_active_is_gone_or_cannot_be_told_to_a_node() -> None:
    assert tiers(carried(instance("b"), instance("c"), active="z")) == ["b", "c"]
    assert tiers(carried(instance("a", address=None), instance("b"), active="a")) == ["b"]
    assert tiers(carried(instance("a", resolved_host=None), instance("b"), active="a")) == ["b"]


@pytest.mark.parametrize("alone", [{"exclusive": True}, {"enable_auto_failover": False}])
def test_the_active_goes_alone_and_the_node_does_not_move_on_by_itself(alone: dict[str, bool]) -> None:
    view = carried(instance("a"), instance("b"), active="a", **alone)
    assert tiers(view) == ["a"]
    assert not planned(view).autonomous
    assert tiers(carried(instance("b"), active="z", **alone)) == []


def test_load_balancing_shares_the_first_tier_among_all_that_are_well() -> None:
    view = carried(
        instance("a", priority=1),
        instance("b", weight=0),
        instance("c", Health.UNHEALTHY),
        instance("d", admin_state=AdminState.MAINTENANCE),
        active="a",
        enable_load_balancing=True,
        load_balancing_algorithm=BalancingAlgorithm.LEAST_CONNECTIONS,
    )
    assert tiers(view) == ["ab"]
    plan = planned(view)
    assert plan.balancing is BalancingAlgorithm.LEAST_CONNECTIONS
    assert [e.weight for e in plan.tiers[0]] == [100, 1]


def test_load_balancing_keeps_the_active_when_nobody_is_well() -> None:
    view = carried(
        instance("a", Health.UNHEALTHY),
        instance("b", Health.UNHEALTHY),
        active="a",
        enable_load_balancing=True,
    )
    assert tiers(view) == ["a"]


def test_load_balancing_goes_on_without_automatic_failover_but_the_node_is_not_autonomous() -> None:
    view = carried(
        instance("a"), instance("b"), active="a", enable_load_balancing=True, enable_auto_failover=False
    )
    assert tiers(view) == ["ab"]
    assert not planned(view).autonomous


def test_a_damped_standby_is_still_the_nodes_last_resort() -> None:
    view = carried(
        instance("a", since=-5), instance("b"), active="b", moves=flapped("a", "b", at=-10, times=3)
    )
    assert tiers(view) == ["b", "a"]


def test_the_plan_does_not_follow_connections_or_history() -> None:
    instances = (instance("a"), instance("b"), instance("c"))
    still = carried(*instances, active="a", failover_strategy=Strategy.LEAST_CONNECTIONS)
    busy = View(
        proxy=still.proxy,
        instances=still.instances,
        moves=(move(EventType.FAILOVER, "b", "a", -5),),
        connections={id_of("b"): 9},
    )
    assert plan_of(busy) == plan_of(still)


def all_are_down(all_down: AllDown, **policy: Any) -> View:
    return carried(
        instance("a", Health.UNHEALTHY, priority=1),
        instance("b", Health.UNHEALTHY, priority=2),
        instance("c", Health.UNHEALTHY, priority=3, admin_state=AdminState.DRAIN),
        active="b",
        all_down=all_down,
        **policy,
    )


@pytest.mark.parametrize(
    ("all_down", "policy", "told"),
    [
        (AllDown.KEEP_LAST, {}, ["b"]),
        (AllDown.SEND_TO_ALL, {}, ["ab"]),
        (AllDown.SEND_TO_ALL, {"enable_auto_failover": False}, ["b"]),
        (AllDown.SEND_TO_ALL, {"enable_load_balancing": True}, ["ab"]),
        (AllDown.FAIL_FAST, {}, []),
        (AllDown.FAIL_FAST, {"exclusive": True}, []),
    ],
)
def test_what_is_told_when_all_are_down(all_down: AllDown, policy: dict[str, Any], told: list[str]) -> None:
    view = all_are_down(all_down, **policy)
    assert is_all_down(view)
    assert tiers(view) == told
    assert planned(view).all_down is all_down


def test_not_all_are_down_while_somebody_could_serve_or_the_active_is_not_known_to_be_dead() -> None:
    dead = instance("b", Health.UNHEALTHY)
    for active in (instance("a"), instance("a", Health.UNKNOWN), instance("a", admin_state=AdminState.DRAIN)):
        view = carried(active, dead, active="a", all_down=AllDown.FAIL_FAST)
        assert not is_all_down(view)
        assert tiers(view) == ["a"]
    assert not is_all_down(carried(dead, instance("c"), active="b"))
    assert not is_all_down(carried(dead)), "nobody was chosen yet"
    assert is_all_down(carried(dead, active="a")), "the active is gone"
