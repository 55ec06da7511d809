"""Instances that were ordered away: when their order ends, and when nothing is open on them any more."""

from dataclasses import replace
from datetime import datetime, timedelta

from switchover.decision.view import View
from switchover.model.admin import AdminOrder, DrainState, reverted
from switchover.model.instance import Instance

SETTLING = timedelta(seconds=5)
"""How long after a move the nodes' counts are not taken for its consequence: two accounts of a remote node."""


def order_ended(instance: Instance, now: datetime) -> Instance | None:
    """The instance once its expired order has reverted to what was before; None while its order is in force."""
    order = instance.admin_order
    if order is None or order.lasts_beyond(now):
        return None
    return instance.ordered(reverted(order, now), now)


def drain_ended(instance: Instance, view: View, now: datetime) -> Instance | None:
    """The instance once the waiting for its open requests has ended; None while it goes on, or there was none.

    It ends when the nodes count nothing open there for `SETTLING` after the traffic has moved, or at the deadline. The
    active drains on: as long as nobody takes its place it carries the traffic.
    """
    order = instance.admin_order
    left_at = _left_at(instance, view)
    if order is None or order.drain_state is not DrainState.DRAINING or left_at is None:
        return None
    open_now = _open(instance, view)
    deadline = left_at + timedelta(seconds=order.drain_timeout_seconds)
    if now >= deadline or (open_now == 0 and now >= left_at + SETTLING):
        return replace(instance, admin_order=replace(order, drained_at=now, left_open=open_now))
    return None


def draining_wakes_at(instance: Instance, view: View) -> datetime | None:
    """When time alone may change what these two say; None when only another order or fewer open requests can."""
    order = instance.admin_order
    if order is None:
        return None
    times = [order.expires_at] if order.expires_at is not None else []
    left_at = _left_at(instance, view)
    if order.drain_state is DrainState.DRAINING and left_at is not None:
        deadline = left_at + timedelta(seconds=order.drain_timeout_seconds)
        times.append(min(deadline, left_at + SETTLING) if _open(instance, view) == 0 else deadline)
    return min(times, default=None)


def drain_deadline(instance: Instance, view: View) -> datetime | None:
    """Until when open requests are waited for; None when they are not, or the traffic has not moved yet."""
    order, left_at = instance.admin_order, _left_at(instance, view)
    if order is None or order.drain_state is not DrainState.DRAINING or left_at is None:
        return None
    return left_at + timedelta(seconds=order.drain_timeout_seconds)


def ends_of_orders(view: View, now: datetime) -> tuple[Instance, ...]:
    """The instances that time has changed, as they are now."""
    ended = (order_ended(i, now) or drain_ended(i, view, now) for i in view.instances)
    return tuple(instance for instance in ended if instance is not None)


def first_wake(view: View) -> datetime | None:
    """When time alone changes the next instance; None when it changes none."""
    times = (draining_wakes_at(i, view) for i in view.instances)
    return min((at for at in times if at is not None), default=None)


def _left_at(instance: Instance, view: View) -> datetime | None:
    order: AdminOrder | None = instance.admin_order
    if order is None or instance.instance_id == view.proxy.active_instance_id:
        return None
    # A move that is forgotten lies further back than the longest deadline.
    moves = (m.committed_at for m in view.moves if m.source_instance_id == instance.instance_id)
    return max((order.ordered_at, *moves))


def _open(instance: Instance, view: View) -> int | None:
    if view.proxy.policy.exclusive and view.proxy.policy.listener is not None:
        # Nodes were told to forget it, and count nothing there.
        return None
    return view.connections.get(instance.instance_id, 0)
