"""Reason codes, vetoes, and the sentences that the edge renders from them.

Codes are stable: programs compare them, history keeps them. Sentences are for people.
"""

from collections.abc import Mapping
from enum import StrEnum


class Reason(StrEnum):
    """Why a decision fell as it did."""

    AUTO_FAILOVER_DISABLED = "auto_failover_disabled"
    NO_INSTANCES = "no_instances"
    NO_FAILOVER_NEEDED = "no_failover_needed"
    ACTIVE_UNHEALTHY = "active_unhealthy"
    ACTIVE_GONE = "active_gone"
    ACTIVE_DRAINED = "active_drained"
    ACTIVE_IN_MAINTENANCE = "active_in_maintenance"
    NO_BACKUP = "no_backup"
    FIRST_ACTIVE = "first_active"
    AWAITING_VERDICTS = "awaiting_verdicts"
    NONE_ELIGIBLE = "none_eligible"
    PREFERRED_IS_WELL = "preferred_is_well"
    HOLD_DOWN = "hold_down"
    PINNED = "pinned"
    STORE_AWAY = "store_away"
    STORE_RETURNED = "store_returned"
    NOT_SEEN_YET = "not_seen_yet"
    MANY_FAIL = "many_fail"
    LOOP_LAGS = "loop_lags"
    REFERENCES_FAIL = "references_fail"
    SUSPECTED = "suspected"
    MANUAL = "manual"


BY_EVIDENCE = frozenset({Reason.FIRST_ACTIVE, Reason.ACTIVE_UNHEALTHY, Reason.PREFERRED_IS_WELL})
"""Why moves are made for what probes saw. What people ordered (a drain, a deletion) is not among them."""


class Veto(StrEnum):
    """Why an instance may not become active."""

    DRAINED = "drained"
    IN_MAINTENANCE = "in_maintenance"
    HEALTH_UNKNOWN = "health_unknown"
    UNHEALTHY = "unhealthy"
    DOWN_ELSEWHERE = "down_elsewhere"
    DAMPED = "damped"
    UNRESOLVED = "unresolved"


_SENTENCES: Mapping[Reason, str] = {
    Reason.AUTO_FAILOVER_DISABLED: "Auto failover is disabled",
    Reason.NO_INSTANCES: "No instances available",
    Reason.NO_FAILOVER_NEEDED: "No failover needed",
    Reason.ACTIVE_UNHEALTHY: "Active instance unhealthy ({failures} failures)",
    Reason.ACTIVE_GONE: "Active instance is gone",
    Reason.ACTIVE_DRAINED: "Active instance is drained",
    Reason.ACTIVE_IN_MAINTENANCE: "Active instance is in maintenance",
    Reason.NO_BACKUP: "No backup available",
    Reason.FIRST_ACTIVE: "First active instance",
    Reason.AWAITING_VERDICTS: "Waiting for the first verdict on preferred instances",
    Reason.NONE_ELIGIBLE: "No eligible instance",
    Reason.PREFERRED_IS_WELL: "Preferred instance is well again",
    Reason.HOLD_DOWN: "Preferred instance is held down for another {seconds:.0f} s",
    Reason.PINNED: "Active instance is pinned by an operator",
    Reason.STORE_AWAY: "The store does not answer; nothing is decided until it does",
    Reason.STORE_RETURNED: "The store is just back; automatic moves rest for another {seconds:.0f} s",
    Reason.NOT_SEEN_YET: "Has to see {instances} afresh first, and waits another {seconds:.0f} s for it at the most",
    Reason.MANY_FAIL: (
        "This replica doubts itself: {failing} of {seen} instances that it looked at fail all at once;"
        " it moves nothing by itself"
    ),
    Reason.LOOP_LAGS: "This replica doubts itself: it was {seconds:.1f} s late; it moves nothing by itself",
    Reason.REFERENCES_FAIL: (
        "This replica doubts itself: none of its {references} reference targets answers; it moves nothing by itself"
    ),
    Reason.SUSPECTED: "Active instance is suspected: {down} of {observers} observers see it down, {agree} must agree",
    Reason.MANUAL: "Ordered by an operator",
}


def sentence(reason: Reason, facts: Mapping[str, int | float | str]) -> str:
    """The words for `reason`; `facts` fills in its numbers."""
    return _SENTENCES[reason].format(**facts)
