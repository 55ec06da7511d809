"""Every operation of the API as data: where it is, who may call it, and how it can fail.

What belongs here: one row per operation, in the module that is called like the one of `api.routes` that serves it. What
must not: examples (`api.examples` has them), anything that answers.
"""

from collections.abc import Mapping

from switchover.api.operations.automation import (
    CLEAR_RULES,
    GET_AUTOMATION,
    LIST_BLOCKED,
    PAUSE,
    REMOVE_GATE,
    RESUME,
    SET_GATE,
    SET_RULES,
)
from switchover.api.operations.configuration import (
    DELETE_PROXY,
    GET_CONFIGURATION,
    GET_PROXY,
    LIST_PROXIES,
    PIN,
    SAVE_CONFIGURATION,
    UNPIN,
)
from switchover.api.operations.failover import (
    COMPLETE,
    DECLARE_REDUNDANCY,
    EVALUATE,
    EXECUTE,
    GET_REDUNDANCY,
    LIST_EVENTS,
    LIST_NODES,
    LIST_REPLICAS,
    SWITCH_OVER,
)
from switchover.api.operations.history import EXPLAIN, EXPLAIN_EVENT, LIST_AUDIT, LIST_TRANSITIONS
from switchover.api.operations.instances import (
    CHANGE_INSTANCE,
    DELETE_INSTANCE,
    LIST_INSTANCES,
    LIST_METRICS,
    REGISTER_INSTANCE,
    REPORT_HEALTH,
    SET_ADMIN_STATE,
    UNDAMP,
)
from switchover.api.operations.operation import Operation
from switchover.api.operations.orders import CANCEL_DRILL, CANCEL_SWITCHOVER, LIST_DRILLS, START_DRILL
from switchover.api.operations.recovery import RECOVER_INSTANCE, ROTATE_SECRET

OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        SAVE_CONFIGURATION,
        GET_CONFIGURATION,
        REGISTER_INSTANCE,
        LIST_INSTANCES,
        REPORT_HEALTH,
        EVALUATE,
        EXECUTE,
        COMPLETE,
        GET_REDUNDANCY,
        DECLARE_REDUNDANCY,
        LIST_EVENTS,
        LIST_PROXIES,
        GET_PROXY,
        DELETE_PROXY,
        PIN,
        UNPIN,
        CHANGE_INSTANCE,
        DELETE_INSTANCE,
        SET_ADMIN_STATE,
        UNDAMP,
        RECOVER_INSTANCE,
        ROTATE_SECRET,
        LIST_METRICS,
        SWITCH_OVER,
        EXPLAIN_EVENT,
        EXPLAIN,
        LIST_TRANSITIONS,
        LIST_AUDIT,
        CANCEL_SWITCHOVER,
        START_DRILL,
        LIST_DRILLS,
        CANCEL_DRILL,
        LIST_NODES,
        LIST_REPLICAS,
        GET_AUTOMATION,
        PAUSE,
        RESUME,
        SET_RULES,
        CLEAR_RULES,
        SET_GATE,
        REMOVE_GATE,
        LIST_BLOCKED,
    )
}
"""`operationId` → operation, those of the contract first."""
