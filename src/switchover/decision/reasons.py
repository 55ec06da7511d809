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
    PREFERRED_FLAPS = "preferred_flaps"
    PINNED = "pinned"
    FAILBACK_IS_MANUAL = "failback_is_manual"
    FAILBACK_WINDOW = "failback_window"
    DWELLING = "dwelling"
    STORE_AWAY = "store_away"
    STORE_RETURNED = "store_returned"
    PAUSED = "paused"
    FROZEN = "frozen"
    GATE_OFF = "gate_off"
    MOVE_LIMIT_REACHED = "move_limit_reached"
    TOO_FEW_SERVING = "too_few_serving"
    NOT_SEEN_YET = "not_seen_yet"
    MANY_FAIL = "many_fail"
    LOOP_LAGS = "loop_lags"
    REFERENCES_FAIL = "references_fail"
    SUSPECTED = "suspected"
    MANUAL = "manual"
    FORCED = "forced"
    DRILL = "drill"
    DRILL_BACK = "drill_back"
    DRILLING = "drilling"
    GRADUAL = "gradual"
    GRADUAL_STEP = "gradual_step"
    GRADUAL_WAITS = "gradual_waits"
    GRADUAL_ABORTED = "gradual_aborted"


BY_EVIDENCE = frozenset(
    {
        Reason.FIRST_ACTIVE,
        Reason.ACTIVE_UNHEALTHY,
        Reason.PREFERRED_IS_WELL,
        Reason.GRADUAL_STEP,
        Reason.GRADUAL_ABORTED,
    }
)
"""Why moves are made, and go on, for what was seen. What people ordered (a drain, a deletion) is not among them."""


DRILLS = frozenset({Reason.DRILL, Reason.DRILL_BACK})
"""Why a drill moves: there and back."""

BY_NAME = DRILLS | {Reason.MANUAL}
"""Why moves are made that the policy does not make: somebody ordered just that one."""

BY_PEOPLE = BY_NAME | {Reason.ACTIVE_DRAINED, Reason.ACTIVE_IN_MAINTENANCE}
"""Why moves are made that people ordered, by name or by an order to the active; every other one is automatic."""

OUT_OF_SIGHT = frozenset(
    {
        Reason.STORE_AWAY,
        Reason.STORE_RETURNED,
        Reason.NOT_SEEN_YET,
        Reason.MANY_FAIL,
        Reason.LOOP_LAGS,
        Reason.REFERENCES_FAIL,
    }
)
"""Why a move is put off because we may not know what there is to know; that says nothing about what is in its way."""

BY_RULES = frozenset(
    {Reason.PAUSED, Reason.FROZEN, Reason.GATE_OFF, Reason.MOVE_LIMIT_REACHED, Reason.TOO_FEW_SERVING}
)
"""Why a move that is wanted is blocked."""


class Veto(StrEnum):
    """Why an instance may not become active."""

    DRAINED = "drained"
    IN_MAINTENANCE = "in_maintenance"
    HEALTH_UNKNOWN = "health_unknown"
    UNHEALTHY = "unhealthy"
    DOWN_ELSEWHERE = "down_elsewhere"
    DAMPED = "damped"
    FLAPPING = "flapping"
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
    Reason.PREFERRED_FLAPS: "Preferred instance keeps failing; it is left alone for another {seconds:.0f} s",
    Reason.PINNED: "Active instance is pinned by an operator",
    Reason.FAILBACK_IS_MANUAL: "Preferred instance {instance} is well again; failback is manual: "
    "`switchover switch {proxy} --to {instance}`",
    Reason.FAILBACK_WINDOW: "Preferred instance {instance} is well again; failback waits for its window, {opens}",
    Reason.DWELLING: "The active instance has just changed; the next automatic move waits another {seconds:.1f} s",
    Reason.STORE_AWAY: "The store does not answer; nothing is decided until it does",
    Reason.STORE_RETURNED: "The store is just back; automatic moves rest for another {seconds:.0f} s",
    Reason.PAUSED: "Automation is paused for {scope} by {by}: {reason}",
    Reason.FROZEN: "Freeze {freeze} of {scope} lasts until {until}",
    Reason.GATE_OFF: "Gate {gate}, which {scope} needs, is off",
    Reason.MOVE_LIMIT_REACHED: "The limit of {scope} is reached: automatic moves {moves}, within {seconds:g} s",
    Reason.TOO_FEW_SERVING: "Too few instances would serve: {serving}, and {scope} needs {needed}",
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
    Reason.FORCED: "Active instance was forced by an operator and is as it was then",
    Reason.DRILL: "Drill: to the best standby",
    Reason.DRILL_BACK: "Drill: back again",
    Reason.DRILLING: "A drill is under way",
    Reason.GRADUAL: "The active instance gets {share} % of the traffic; the next step waits another {seconds:.0f} s",
    Reason.GRADUAL_STEP: "The active instance gets {share} % of the traffic from now on",
    Reason.GRADUAL_WAITS: "The active instance gets {share} % of the traffic; the next step waits until {instance} is healthy",
    Reason.GRADUAL_ABORTED: "Taken back at {share} % of the traffic: {why}",
}

_VETO_WORDS: Mapping[Veto, str] = {
    Veto.DRAINED: "it is drained",
    Veto.IN_MAINTENANCE: "it is in maintenance",
    Veto.HEALTH_UNKNOWN: "nothing is known of its health",
    Veto.UNHEALTHY: "it is unhealthy",
    Veto.DAMPED: "it is damped, because it failed again soon after failbacks",
    Veto.UNRESOLVED: "it has no address that nodes could be given",
}


def veto_words(veto: Veto) -> str:
    """Why an instance may not become active, as the end of a sentence."""
    return _VETO_WORDS.get(veto, veto.value.replace("_", " "))


def sentence(reason: Reason, facts: Mapping[str, int | float | str]) -> str:
    """The words for `reason`; `facts` fills in its numbers."""
    return _SENTENCES[reason].format(**facts)
