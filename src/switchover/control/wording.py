"""PURE: explanations in words, one line per thing that an operator asks at three in the morning.

What was seen, what was believed, who was considered and why not, what was done, how the nodes answered, how long each
stage took. Times are UTC.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from switchover.control.explanation import EventExplanation, Standing
from switchover.control.sightings import Sighting
from switchover.decision.reasons import Reason, Veto, sentence, veto_words
from switchover.decision.verdict import CandidateEvidence, Decision
from switchover.model.events import EventStatus, FailoverEvent, NodeAnswer, Trigger
from switchover.model.instance import Instance
from switchover.model.proxy import Proxy

MOST_CANDIDATES = 8
"""How many candidates the words name; the JSON has all."""
MOST_SIGHTINGS = 3

_PAST = {"applied": "applied it", "rejected": "rejected it", "timed_out": "did not answer in time"}


def event_words(explanation: EventExplanation) -> tuple[str, ...]:
    """The story of a move, one line each."""
    event, names, day = explanation.event, explanation.names, explanation.event.created_at.date()
    lines = [f"{_headline(event, names)} {day}, times are UTC.", _why(explanation, day)]
    record = explanation.record
    if record is None:
        lines.append(f"What it saw is not known: {explanation.not_replayable}.")
    else:
        source = record.view.instance(event.source_instance_id)
        subject = source or record.view.instance(event.target_instance_id)
        if subject is not None:
            lines += _seen(subject, record.sightings, day)
        involved = {event.source_instance_id, event.target_instance_id}
        lines.append(_believed(record.view.instances, involved, day))
        lines += _considered(record.decision, chosen=event.target_instance_id)
    lines += [_steps(event, day), _stages(event, day), *_answers(event)]
    if event.error_message is not None:
        lines.append(f"It failed: {event.error_message}.")
    return tuple(line for line in lines if line)


def standing_words(standing: Standing) -> tuple[str, ...]:
    """Why nothing happens now, or what is about to, one line each."""
    view, names = standing.view, standing.names
    proxy, active, day = view.proxy, view.active, standing.at.date()
    lines = [f"{_now(standing, names)} ({day} {_moment(standing.at, day)} UTC)"]
    lines += [f"Nothing is decided at the moment: {why}." for why in standing.hindrances]
    if standing.owner is not None:
        lines.append(f"Replica {standing.owner} decides about it.")
    lines += _settings(proxy, names)
    if active is not None:
        lines.append(_believed(view.instances, {active.instance_id}, day))
        lines += _seen(active, standing.sightings, day)
    lines += _considered(standing.decision, chosen=standing.decision.target_instance_id)
    if standing.open_event is not None:
        lines.append(f"Under way: {_headline(standing.open_event, names)}")
        lines.append(_steps(standing.open_event, day))
    elif standing.last_event is not None:
        last = standing.last_event
        lines.append(f"Last at {_moment(last.created_at, day)}: {_headline(last, names)} {last.reason}.")
    lines += [f"Node {node} refuses it: {words}." for node, words in sorted(standing.rejections.items())]
    return tuple(line for line in lines if line)


def _headline(event: FailoverEvent, names: Mapping[UUID, str]) -> str:
    target = _name(event.target_instance_id, names)
    way = (
        f"from {_name(event.source_instance_id, names)} to {target}"
        if event.source_instance_id
        else f"of {target}"
    )
    how = {
        EventStatus.COMPLETED: f"completed in {_span(event.duration_ms)}",
        EventStatus.FAILED: "failed",
        EventStatus.IN_PROGRESS: "still under way",
        EventStatus.PENDING: "still to come",
    }[event.status]
    return f"{event.event_type.value.capitalize()} of {event.proxy_id} {way}, {how} (epoch {event.epoch})."


def _why(explanation: EventExplanation, day: date) -> str:
    event, evidence = explanation.event, explanation.evidence
    who = (
        f"ordered by {event.actor}" if event.trigger is Trigger.MANUAL else f"decided by {event.actor} itself"
    )
    when = f" at {_moment(event.stages.decided_at, day)}" if event.stages.decided_at else ""
    rule = ""
    if "generation" in evidence:
        rule = f", by policy generation {evidence['generation']} (strategy {evidence.get('strategy')})"
    return f"Why: {event.reason}; {who}{when}{rule}."


def _seen(instance: Instance, sightings: Iterable[Sighting], day: date) -> list[str]:
    of_it = sorted((s for s in sightings if s.instance_id == instance.instance_id), key=lambda s: s.ended_at)
    latest: dict[str | None, list[Sighting]] = {}
    for sighting in of_it:
        latest.setdefault(sighting.vantage, []).append(sighting)
    lines = []
    for vantage, seen in latest.items():
        where = "" if vantage is None else f" by {vantage}"
        told = "; ".join(_one(sighting, day) for sighting in seen[-MOST_SIGHTINGS:])
        lines.append(f"Seen{where} of {instance.name}: {told}.")
    return lines


def _one(sighting: Sighting, day: date) -> str:
    why = sighting.detail or sighting.code
    return f"{_moment(sighting.ended_at, day)} {sighting.outcome} ({why})"


def _believed(instances: Iterable[Instance], involved: set[UUID | None], day: date) -> str:
    told = [_belief(instance, day) for instance in instances if instance.instance_id in involved]
    return f"Believed: {'; '.join(told)}." if told else ""


def _belief(instance: Instance, day: date) -> str:
    health = instance.health
    words = f"{instance.name} {health.state.value}"
    if health.changed_at is not None:
        words += f" since {_moment(health.changed_at, day)}"
    if health.consecutive_failures:
        since = f" since {_moment(health.first_failed_at, day)}" if health.first_failed_at else ""
        words += f", {_count(health.consecutive_failures, 'failure')} in a row{since}"
    elif health.consecutive_passes:
        words += f", {_count(health.consecutive_passes, 'pass', 'passes')} in a row"
    return words


def _considered(decision: Decision, chosen: UUID | None) -> list[str]:
    others = [c for c in decision.candidates if c.instance_id != decision.source_instance_id]
    able = [c for c in others if c.score is not None]
    vetoed = [c for c in others if c.score is None]
    if not others:
        return ["There is no other instance."]
    if not able:
        lines = ["No other instance may take over."]
    else:
        told = ", ".join(_choice(c, chosen) for c in able[:MOST_CANDIDATES])
        lines = [f"Could take over, best first: {told}{_and_more(able)}."]
    if vetoed:
        told = "; ".join(_refusal(c) for c in vetoed[:MOST_CANDIDATES])
        lines.append(f"May not: {told}{_and_more(vetoed)}.")
    return lines


def _choice(candidate: CandidateEvidence, chosen: UUID | None) -> str:
    mark = ", chosen" if candidate.instance_id == chosen else ""
    return f"{candidate.name} (priority {candidate.priority}, weight {candidate.weight}{mark})"


def _refusal(candidate: CandidateEvidence) -> str:
    words = [
        f"{veto_words(veto)} ({_count(candidate.consecutive_failures, 'failure')} in a row)"
        if veto is Veto.UNHEALTHY
        else veto_words(veto)
        for veto in candidate.vetoes
    ]
    return f"{candidate.name}, {' and '.join(words)}"


def _and_more(candidates: Sequence[CandidateEvidence]) -> str:
    more = len(candidates) - MOST_CANDIDATES
    return f" and {more} more" if more > 0 else ""


def _steps(event: FailoverEvent, day: date) -> str:
    move = event.gradual
    if move is None:
        return ""
    shares = ", ".join(str(share) for share in move.steps)
    ends = "has" if event.status.is_open else "had come to"
    at = f"the target {ends} {move.share} % since {_moment(move.since, day)}"
    return f"In steps of {shares} %: {at} (step {move.step + 1} of {len(move.steps)})."


def _stages(event: FailoverEvent, day: date) -> str:
    stages = event.stages
    reached = [
        ("ordered" if event.trigger is Trigger.MANUAL else "first sign of it", stages.detected_at),
        ("decided", stages.decided_at),
        ("on record", stages.committed_at),
        ("applied by every node", stages.applied_at),
        ("verified by a request", stages.verified_at),
    ]
    told, before = [], None
    for name, at in reached:
        if at is None:
            continue
        told.append(
            f"{name} {_moment(at, day)}" if before is None else f"{name} {_span(_ms(before, at))} later"
        )
        before = at
    return f"Took: {', '.join(told)}." if told else ""


def _answers(event: FailoverEvent) -> list[str]:
    if event.answers is None:
        return []
    if not event.answers:
        return ["No node was connected to tell."]
    since = event.stages.committed_at or event.created_at
    return [f"Nodes: {'; '.join(_answer(answer, since) for answer in event.answers)}."]


def _answer(answer: NodeAnswer, since: datetime) -> str:
    after = f" after {_span(_ms(since, answer.at))}" if answer.at is not None else ""
    detail = f" ({answer.detail})" if answer.detail else ""
    return f"{answer.node_id} {_PAST.get(answer.kind, answer.kind)}{after}{detail}"


def _now(standing: Standing, names: Mapping[UUID, str]) -> str:
    decision, proxy = standing.decision, standing.view.proxy
    why = sentence(decision.reason, decision.facts)
    if decision.acts:
        source, target = _name(decision.source_instance_id, names), _name(decision.target_instance_id, names)
        return f"{proxy.proxy_id} is about to move from {source} to {target} ({decision.kind.value}): {why}."
    if proxy.active_instance_id is None:
        head = f"{proxy.proxy_id} has no active instance"
    else:
        head = f"{proxy.proxy_id} stays on {_name(proxy.active_instance_id, names)}"
    wait = ""
    if decision.recheck_at is not None:
        left = max(0.0, (decision.recheck_at - standing.at).total_seconds())
        wait = f" It is looked at again at {_moment(decision.recheck_at, standing.at.date())}, in {left:.0f} s, or with new evidence."
    elif decision.reason is not Reason.NO_FAILOVER_NEEDED:
        wait = " Only new evidence or an order changes that."
    return f"{head}: {why}.{wait}"


def _settings(proxy: Proxy, names: Mapping[UUID, str]) -> list[str]:
    policy = proxy.policy
    lines = []
    if not policy.enable_auto_failover:
        lines.append("Automatic failover is off (enableAutoFailover).")
    if proxy.pinned_instance_id is not None:
        lines.append(
            f"An operator pinned it to {_name(proxy.pinned_instance_id, names)}; `switchover unpin` ends that."
        )
    return lines


def _name(instance_id: UUID | None, names: Mapping[UUID, str]) -> str:
    return "nothing" if instance_id is None else names.get(instance_id, str(instance_id))


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _ms(begin: datetime, end: datetime) -> float:
    return (end - begin).total_seconds() * 1000


def _span(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "an unknown time"
    return f"{milliseconds:.0f} ms" if milliseconds < 10_000 else f"{milliseconds / 1000:.1f} s"  # noqa: PLR2004 - 10 s


def _moment(at: datetime | None, day: date) -> str:
    if at is None:
        return "—"
    clock = f"{at:%H:%M:%S}.{at.microsecond // 1000:03}"
    return clock if at.date() == day else f"{at:%Y-%m-%d} {clock}"
