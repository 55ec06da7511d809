"""A success of every operation, as the OpenAPI document shows it.

What belongs here: one answer per operation, in the module that is called like the one of `api.operations` that has its
row. `things` and `events` hold what several of them show.
"""

from collections.abc import Mapping

from switchover.api.examples import automation, configuration, failover, history, instances, orders, recovery
from switchover.api.examples.things import Json

SUCCESSES: Mapping[str, Json] = {
    **configuration.SUCCESSES,
    **instances.SUCCESSES,
    **failover.SUCCESSES,
    **orders.SUCCESSES,
    **recovery.SUCCESSES,
    **history.SUCCESSES,
    **automation.SUCCESSES,
}
"""Operation → its whole answer."""
