"""JSON documents that users send: their shape, their bounds, and what they become in the model.

What belongs here: one Pydantic model per document (strict, camelCase) and the functions that turn it into frozen
values, so that the API, the declarative file and a library user are told the same about the same mistake. What must
not: HTTP, files, the store, anything that needs more of the current state than it is given.
"""

from switchover.control.documents.admin import parse_admin_order
from switchover.control.documents.completion import Completion, parse_completion
from switchover.control.documents.instance import (
    InstanceData,
    parse_instance,
    parse_instance_changes,
)
from switchover.control.documents.metrics import MetricsData, parse_health, parse_metrics
from switchover.control.documents.policy import parse_policy, policy_document
from switchover.control.documents.recovery import parse_secret
from switchover.control.documents.redundancy import RedundancyChanges, parse_redundancy

__all__ = [
    "Completion",
    "InstanceData",
    "MetricsData",
    "RedundancyChanges",
    "parse_admin_order",
    "parse_completion",
    "parse_health",
    "parse_instance",
    "parse_instance_changes",
    "parse_metrics",
    "parse_policy",
    "parse_redundancy",
    "parse_secret",
    "policy_document",
]
