"""How a scenario's trace is worded."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from uuid import UUID

from tests.scenarios.scenario_language import START

from switchover.decision.damping import Damping
from switchover.decision.reasons import sentence
from switchover.decision.verdict import CandidateEvidence, Decision
from switchover.health.machine import HealthChange
from switchover.model.drills import Drill, DrillStatus
from switchover.model.instance import Instance
from switchover.model.plan import Plan
from switchover.model.redundancy import RedundancyStatus
from switchover.model.steadiness import AllDown

Names = Mapping[UUID, str]


def moment(at: float) -> str:
    return f"t={at:g}s"


def line(at: float, topic: str, words: str) -> str:
    return f"{moment(at):<8} {topic:<12}{words}".rstrip()


def health_words(name: str, change: HealthChange) -> str:
    before, after = change.before.state.name, change.after.state.name
    states = f"{before} -> {after}" if change.changed else after
    match change.reason:
        case "inconclusive" | "late":
            count = f"inconclusive={change.after.inconclusive_count}"
        case "failing" | "fall_reached" | "still_failing" | "reported_unhealthy":
            count = f"failures={change.after.consecutive_failures}"
        case _:
            count = f"passes={change.after.consecutive_passes}"
    return f"{name} {states:<22} {change.reason} {count}"


def decision_words(decision: Decision, names: Names) -> str:
    move = decision.kind.value
    if decision.acts:
        move += (
            f" {name_of(decision.source_instance_id, names)} -> {name_of(decision.target_instance_id, names)}"
        )
    return f"{move:<22} {decision.reason.value}: {sentence(decision.reason, decision.facts)}"


def candidate_words(candidates: Iterable[CandidateEvidence]) -> list[str]:
    return [
        f"{c.name} score={c.score}" if c.score is not None else f"{c.name} vetoed {','.join(c.vetoes)}"
        for c in candidates
    ]


def flap_words(name: str, damping: Damping, until: float | None) -> str:
    words = f"{name} score={damping.flap_score:.2f}"
    if damping.vetoes:
        words += f" {','.join(damping.vetoes)} until {'it is well' if until is None else moment(until)}"
    return words


def plan_words(plan: Plan | None, names: Names) -> str:
    if plan is None:
        return "none"
    tiers = " | ".join(
        " ".join(f"{names[e.instance_id]}={e.host}:{e.port}*{e.weight}" for e in tier) for tier in plan.tiers
    )
    balancing = plan.balancing.value if plan.balancing is not None else "none"
    flags = f"autonomous={_word(plan.autonomous)} exclusive={_word(plan.exclusive)}"
    drained = "".join(f" drained={names[d.endpoint.instance_id]}@{d.epoch}" for d in plan.drained)
    all_down = "" if plan.all_down is AllDown.KEEP_LAST else f" all_down={plan.all_down.value}"
    return f"epoch={plan.epoch} [{tiers}] balancing={balancing} {flags}{drained}{all_down}"


def order_words(instance: Instance, *, reverted: bool) -> str:
    order = instance.admin_order
    if reverted or order is None or order.drain_state is None:
        until = "" if order is None or order.expires_at is None else f" until {_seconds(order.expires_at)}"
        return f"{instance.name} is {instance.admin_state.value} again{until}"
    left = "" if not order.left_open else f", {order.left_open} left open"
    return f"{instance.name} {order.drain_state.value}{left}"


def drill_words(drill: Drill, names: Names) -> str:
    legs = ""
    if drill.status.is_running:
        way = (drill.home_instance_id, drill.target_instance_id)
        there = drill.status is DrillStatus.MOVING
        source, target = way if there else way[::-1]
        legs = f" {name_of(source, names)} -> {name_of(target, names)}"
    outcome = "" if drill.outcome is None else f" {drill.outcome.value}: {drill.message}"
    confirmed = " confirmed" if legs and drill.moved_at is not None and not outcome else ""
    return f"{drill.status.value}{legs}{confirmed}{outcome}"


def _seconds(at: datetime) -> str:
    return moment((at - START).total_seconds())


def redundancy_words(status: RedundancyStatus, names: Names) -> str:
    backups = ",".join(names[i] for i in status.backup_instance_ids) or "-"
    return (
        f"{status.redundancy_level.value} healthy={status.healthy_instances}/{status.total_instances}"
        f" unhealthy={status.unhealthy_instances} active={name_of(status.active_instance_id, names)}"
        f" backups={backups} degraded={_word(status.is_degraded)}"
    )


def name_of(instance_id: UUID | None, names: Names) -> str:
    return names[instance_id] if instance_id is not None else "-"


def _word(flag: bool) -> str:  # noqa: FBT001 - a value to word, not a switch
    return "yes" if flag else "no"


def whole_decision_words(decision: Decision, names: Names, moment_of: Callable[[datetime], float]) -> str:
    """A decision with its times, and with what it was kept from; `moment_of` gives the seconds of the scenario."""
    words = decision_words(decision, names)
    if decision.detected_at is not None:
        words += f"; detected {moment(moment_of(decision.detected_at))}"
    if decision.blocked is not None:
        wish = decision.blocked
        words += (
            f"; blocked {wish.kind.value} to {name_of(wish.target_instance_id, names)} ({wish.reason.value})"
        )
    if decision.overridden:
        words += f"; overrides {', '.join(breach.rule.value for breach in decision.overridden)}"
    if decision.recheck_at is not None:
        words += f"; recheck {moment(moment_of(decision.recheck_at))}"
    return words
