"""The strategies: in which order instances come into question as the next active."""

from collections.abc import Iterable, Mapping
from typing import assert_never
from uuid import UUID

from switchover.decision.view import View
from switchover.model.instance import Instance
from switchover.model.policy import Strategy

_NO_CONNECTIONS: Mapping[UUID, int] = {}


def in_order(view: View, instances: Iterable[Instance]) -> tuple[Instance, ...]:
    """`instances` as the proxy's strategy prefers them now, best first.

    priority: lowest number, then higher weight, then name. round_robin: by name, beginning after
    the active, which comes last; from the first name when there is no active or it is gone.
    least_connections: fewest live connections, then as priority.
    """
    return _in_order(view, instances, view.connections)


def in_standing_order(view: View, instances: Iterable[Instance]) -> tuple[Instance, ...]:
    """As `in_order`, without the live connections.

    They change by the moment, and what nodes and people are told must not change with them.
    """
    return _in_order(view, instances, _NO_CONNECTIONS)


def _in_order(
    view: View, instances: Iterable[Instance], connections: Mapping[UUID, int]
) -> tuple[Instance, ...]:
    strategy = view.proxy.policy.failover_strategy
    match strategy:
        case Strategy.PRIORITY:
            return tuple(sorted(instances, key=lambda i: i.preference))
        case Strategy.ROUND_ROBIN:
            current = view.active.name if view.active is not None else None
            return tuple(sorted(instances, key=lambda i: (current is not None and i.name <= current, i.name)))
        case Strategy.LEAST_CONNECTIONS:
            return tuple(sorted(instances, key=lambda i: (connections.get(i.instance_id, 0), *i.preference)))
        case _:
            assert_never(strategy)
