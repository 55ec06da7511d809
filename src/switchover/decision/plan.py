"""What the nodes that carry a proxy are told."""

from dataclasses import replace

from switchover.decision.eligibility import could_serve
from switchover.decision.strategy import in_standing_order
from switchover.decision.view import View
from switchover.model.admin import AdminState, DrainState
from switchover.model.gradual import WHOLE
from switchover.model.instance import Instance
from switchover.model.observation import Health
from switchover.model.plan import Drained, Endpoint, Plan
from switchover.model.policy import BalancingAlgorithm
from switchover.model.steadiness import AllDown

_LEAST_WEIGHT = 1

Tiers = tuple[tuple[Endpoint, ...], ...]


def plan_of(view: View) -> Plan | None:
    """The plan for the proxy as it stands; None when no node carries it.

    It follows from the view alone, not from the time, so that a restart sends what was sent before. Hence a damped standby
    is in it: nobody fails back to it, but it is better than nothing when all else refuses.
    """
    policy = view.proxy.policy
    if policy.listener is None:
        return None
    return Plan(
        proxy_id=view.proxy.proxy_id,
        epoch=view.proxy.epoch,
        listener=policy.listener,
        traffic=policy.traffic,
        tiers=_tiers(view),
        balancing=_balancing(view),
        autonomous=policy.enable_auto_failover and not policy.exclusive,
        exclusive=policy.exclusive,
        all_down=policy.all_down,
        drained=_drained(view),
    )


def is_all_down(view: View) -> bool:
    """Whether no instance could serve, so that the policy's `all_down` is in force.

    An active that is ordered away but well still serves, and so does one that nobody has judged.
    """
    active = view.active
    if view.proxy.active_instance_id is None or (
        active is not None and active.health.state is not Health.UNHEALTHY
    ):
        return False
    return not any(could_serve(i, view.proxy.policy) for i in view.instances)


def _tiers(view: View) -> Tiers:
    policy, active = view.proxy.policy, view.active
    if view.proxy.active_instance_id is None:
        # Before the first activation nobody was chosen, and a node must not choose.
        return ()
    # The active stays even when it is not well: the last one is kept until another takes its place.
    first = _shared(view) or (_endpoints(active) if active is not None else ())
    if is_all_down(view) and policy.all_down is not AllDown.KEEP_LAST:
        return _filled(_when_all_are_down(view, first))
    able = in_standing_order(view, [i for i in view.instances if could_serve(i, policy)])
    if policy.enable_load_balancing:
        shared = tuple(
            endpoint for i in sorted(able, key=lambda i: i.preference) for endpoint in _endpoints(i)
        )
        return _filled(shared or first)
    if policy.exclusive or not policy.enable_auto_failover:
        return _filled(first)
    listed = {view.proxy.active_instance_id, *(endpoint.instance_id for endpoint in first)}
    return _filled(first, *(_endpoints(i) for i in able if i.instance_id not in listed))


def _balancing(view: View) -> BalancingAlgorithm | None:
    policy = view.proxy.policy
    if len(_shared(view)) > 1:
        return BalancingAlgorithm.WEIGHTED
    return policy.load_balancing_algorithm if policy.enable_load_balancing else None


def _shared(view: View) -> tuple[Endpoint, ...]:
    """Who carries the traffic while a move is under way in steps: the active has its share, and its source the rest.

    Whoever could not serve gets nothing. Empty when the active carries all of it.
    """
    move, policy, active = view.gradual, view.proxy.policy, view.active
    source = None if move is None else view.instance(move.source_instance_id)
    if move is None or policy.gradual is None or source is None or not could_serve(source, policy):
        return ()
    if active is None or not could_serve(active, policy):
        return _endpoints(source)
    return tuple(
        replace(endpoint, weight=weight)
        for instance, weight in ((active, move.share), (source, WHOLE - move.share))
        for endpoint in _endpoints(instance)
    )


def _when_all_are_down(view: View, last: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    policy = view.proxy.policy
    if policy.all_down is AllDown.FAIL_FAST:
        return ()
    if policy.exclusive or not policy.enable_auto_failover:
        # Sending to another one than the active is a move, and these proxies are not moved by themselves.
        return last
    ready = sorted(
        (i for i in view.instances if i.admin_state is AdminState.READY), key=lambda i: i.preference
    )
    return tuple(endpoint for i in ready for endpoint in _endpoints(i)) or last


def _drained(view: View) -> tuple[Drained, ...]:
    # Counted as long as somebody waits for it. Then it goes off the list: with nobody else left, a node would turn to it.
    if view.proxy.policy.exclusive:
        # Even for counting: while the others are broken off it would be the only one there is.
        return ()
    out = (
        (i, order)
        for i in sorted(view.instances, key=lambda i: i.preference)
        if (order := i.admin_order) is not None
        and order.drain_state is DrainState.DRAINING
        and i.instance_id != view.proxy.active_instance_id
    )
    return tuple(
        Drained(endpoint=endpoint, epoch=order.epoch) for i, order in out for endpoint in _endpoints(i)
    )


def _filled(*tiers: tuple[Endpoint, ...]) -> Tiers:
    return tuple(tier for tier in tiers if tier)


def _endpoints(instance: Instance) -> tuple[Endpoint, ...]:
    if instance.address is None or instance.resolved_host is None:
        return ()
    return (
        Endpoint(
            instance_id=instance.instance_id,
            host=instance.resolved_host,
            port=instance.address.port,
            weight=max(_LEAST_WEIGHT, instance.weight),
        ),
    )
