"""Proxies, instances and events as a person likes to see them."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from switchover.cli.terminal import styled
from switchover.cli.views import (
    STAGES,
    AutomationView,
    BlockedView,
    DrillView,
    EventView,
    InstanceView,
    NodeView,
    PauseView,
    ProxyView,
    RecoveryView,
    ReplicaView,
)
from switchover.model.events import EventStatus

_HEALTH = {"healthy": ("✓", "green"), "unhealthy": ("✗", "red"), "unknown": ("?", "yellow")}
_EVENT_STYLES = {
    EventStatus.COMPLETED: "green",
    EventStatus.FAILED: "red",
    EventStatus.IN_PROGRESS: "yellow",
    EventStatus.PENDING: "yellow",
}
_FOLDED = frozenset({"PROXY", "INSTANCE", "INSTANCES", "ACTIVE", "ADDRESS", "FROM", "TO"}) | {
    *("LAST MOVE", "LAST PROBE", "REASON", "FLAPS")
}
_LEAST_SHOWN_SCORE = 0.05
"""A lower score is that of a fall long ago."""
_TABLE_WIDTH = 150
"""A narrower terminal breaks an event's row into pieces."""


def health_text(instance: InstanceView) -> Text:
    """Health in a sign, a word and a colour, with the failures that count towards the threshold."""
    text = _health(instance)
    if instance.consecutive_failures:
        text.append(f" ({instance.consecutive_failures} failures)")
    return text


def events_drawn(console: Console, view: ProxyView, shown: Sequence[EventView]) -> RenderableType:
    """Events with what moved where, how it ended, and when each stage was reached after detection: a table where
    there is room for it, a few lines each on a narrow terminal.
    """
    if console.width < _TABLE_WIDTH:
        return Group(*(line for event in shown for line in _event_lines(view, event)))
    stages = STAGES[1:]
    table = _table(
        "AT", "EVENT", "FROM", "TO", "STATUS", "EPOCH", "TOOK", *(f"+{s}" for s in stages), "REASON"
    )
    for event in shown:
        table.add_row(
            _when(event.created_at),
            event.event_type.value,
            styled(view.name_of(event.source_id)),
            styled(view.name_of(event.target_id)),
            styled(event.status.value, _EVENT_STYLES[event.status]),
            str(event.epoch),
            milliseconds(event.duration_ms),
            *(milliseconds(event.after_detection_ms(stage)) for stage in stages),
            styled(event.error_message or event.reason),
        )
    return table


def stage_times(event: EventView) -> str:
    """The stages of an event as one line: when the first was reached, and how long after it the others were."""
    begun = event.stages.get(STAGES[0])
    first = "—" if begun is None else f"{begun:%H:%M:%S}"
    later = (f"{name} +{milliseconds(event.after_detection_ms(name))}" for name in STAGES[1:])
    return " → ".join((f"{STAGES[0]} {first}", *later))


def _event_lines(view: ProxyView, event: EventView) -> Sequence[Text]:
    move = f"{event.event_type.value} {view.name_of(event.source_id)} → {view.name_of(event.target_id)} "
    first = styled(f"{_when(event.created_at)}  {move}")
    first.append_text(styled(event.status.value, _EVENT_STYLES[event.status]))
    first.append_text(styled(f" in {milliseconds(event.duration_ms)} (epoch {event.epoch})"))
    return (
        first,
        styled(f"    {event.error_message or event.reason}"),
        styled(f"    {stage_times(event)}", "dim"),
    )


def milliseconds(duration: float | None) -> str:
    """A duration for people; a dash where it is unknown."""
    if duration is None:
        return "—"
    return f"{duration:.0f} ms" if duration < 10_000 else f"{duration / 1000:.1f} s"  # noqa: PLR2004 - 10 s


def overview(console: Console, proxies: Sequence[ProxyView]) -> None:
    """Every proxy in a row, and what nodes refuse."""
    if not proxies:
        console.print("No proxies yet. `switchover apply -f proxies.yaml` makes some.")
        return
    table = _table("PROXY", "ACTIVE", "INSTANCES", "REDUNDANCY", "EPOCH", "STRATEGY", "LAST MOVE")
    for proxy in proxies:
        table.add_row(
            styled(proxy.proxy_id, "bold"),
            _active(proxy),
            _stacked(console, [_brief(instance) for instance in proxy.instances], ", "),
            _stacked(console, _redundancy(proxy), " "),
            str(proxy.epoch),
            proxy.strategy,
            _last_move(proxy),
        )
    console.print(table)
    _rejections(console, proxies)


def detail(console: Console, proxy: ProxyView, shown: Sequence[EventView], now: datetime) -> None:
    """One proxy with its instances, the events in `shown`, and what nodes refuse of it."""
    facts = Table.grid(padding=(0, 2))
    facts.add_row("proxy", styled(proxy.proxy_id, "bold"))
    facts.add_row("listener", proxy.listener or "none (no node carries it)")
    facts.add_row("strategy", proxy.strategy)
    facts.add_row("active", _active(proxy))
    if proxy.pinned_id is not None:
        facts.add_row("pin", styled(f"{proxy.name_of(proxy.pinned_id)}{pin_words(proxy)}"))
    if proxy.failback is not None:
        facts.add_row("failback", styled(proxy.failback))
    facts.add_row("redundancy", Text(" ").join(_redundancy(proxy)))
    if proxy.all_down is not None:
        facts.add_row("all down", _all_down(proxy))
    facts.add_row("policy says", styled(proxy.opinion))
    for pause in proxy.pauses:
        facts.add_row("paused", styled(paused_words(pause), "yellow"))
    if proxy.blocked is not None:
        facts.add_row("blocked", styled(_blocked_words(proxy, proxy.blocked), "yellow"))
    facts.add_row("epoch", str(proxy.epoch))
    for name, words in (*_ordered_facts(proxy), *_planned_facts(proxy)):
        facts.add_row(name, styled(words))
    if proxy.owner is not None:
        facts.add_row("owner", styled(proxy.owner))
    console.print(facts)
    console.print()
    table = _table("INSTANCE", "ADDRESS", "STANDING", "HEALTH", "FLAPS", "PRIORITY", "WEIGHT", "LAST PROBE")
    for instance in proxy.instances:
        table.add_row(
            styled(instance.name),
            styled(instance.address or "—"),
            _standing(instance),
            _health(instance),
            _flaps(instance),
            str(instance.priority),
            str(instance.weight),
            styled(_last_probe(instance, now)),
        )
    console.print(table)
    if shown:
        console.print()
        console.print(events_drawn(console, proxy, shown))
    _rejections(console, [proxy])


def paused_words(pause: PauseView) -> str:
    """A pause in one line: what is stopped, who did it and why, since and until when."""
    end = "" if pause.until is None else f", until {_when(pause.until)}"
    return f"{pause.scope} by {pause.by} since {_when(pause.since)}{end}: {pause.reason}"


def blocked_drawn(view: ProxyView, shown: Sequence[BlockedView]) -> RenderableType:
    """Moves that a rule blocked, newest first."""
    table = _table("BLOCKED AT", "UNTIL", "WANTED", "FROM", "TO", "TIMES", "RULE", "REASON")
    for move in shown:
        table.add_row(
            _when(move.first_at),
            "now" if move.ended_at is None else _when(move.ended_at),
            styled(move.event_type),
            styled(view.name_of(move.source_id)),
            styled(view.name_of(move.target_id)),
            str(move.count),
            styled(move.rule, "yellow"),
            styled(f"{move.reason}; {move.message}"),
        )
    return table


def automation_drawn(console: Console, view: AutomationView) -> None:
    """What bounds automation in one scope."""
    facts = Table.grid(padding=(0, 2))
    facts.add_row("scope", styled(view.scope, "bold"))
    facts.add_row("paused", "no" if view.pause is None else styled(paused_words(view.pause), "yellow"))
    for number, rule in enumerate(view.rules or ("none",)):
        facts.add_row("" if number else "rules", styled(rule))
    for name, is_on, by, at, reason in view.gates:
        words = f"{'on' if is_on else 'off'}, by {by} at {_when(at)}{': ' if reason else ''}{reason}"
        facts.add_row(styled(f"gate {name}"), styled(words, "" if is_on else "yellow"))
    console.print(facts)


def _blocked_words(view: ProxyView, move: BlockedView) -> str:
    wanted = f"{move.event_type} {view.name_of(move.source_id)} → {view.name_of(move.target_id)}"
    return f"{wanted} since {_when(move.first_at)} ({move.reason}): {move.message}"


def drills_drawn(view: ProxyView, shown: Sequence[DrillView]) -> RenderableType:
    """Drills with where they went and how they ended."""
    table = _table("AT", "FROM", "TO", "OUTCOME", "TOOK", "BY", "REASON")
    for drill in shown:
        table.add_row(
            _when(drill.started_at or drill.scheduled_at or drill.created_at),
            styled(view.name_of(drill.home_id)),
            styled(view.name_of(drill.target_id)),
            styled(drill.outcome or drill.status, "green" if drill.outcome == "succeeded" else "yellow"),
            "—" if drill.took_seconds is None else f"{drill.took_seconds:.1f} s",
            styled(drill.actor),
            styled(drill.message or ""),
        )
    return table


def _ordered_facts(proxy: ProxyView) -> Sequence[tuple[str, str]]:
    """Who ordered which instance away, why, until when, and how far that is."""
    facts = []
    for instance in proxy.instances:
        if instance.ordered_by is None and instance.admin_state == "ready":
            continue
        parts = [instance.admin_state]
        if instance.ordered_by:
            parts.append(f"by {instance.ordered_by}")
        if instance.expires_at is not None:
            parts.append(f"until {_when(instance.expires_at)}")
        words = " ".join(parts) + (f": {instance.order_reason}" if instance.order_reason else "")
        if instance.admin_state == "ready" and instance.expires_at is None:
            continue
        facts.append((f"order {instance.name}", words + _drained_words(instance)))
    return facts


def _drained_words(instance: InstanceView) -> str:
    match instance.drain_state:
        case None:
            return ""
        case "draining":
            return f" (draining, {instance.open_requests or 0} requests open)"
        case "idle":
            return " (idle)"
        case _:
            left = "" if instance.left_open is None else f", {instance.left_open} requests open then"
            return f" (its time to drain is over{left})"


def _planned_facts(proxy: ProxyView) -> Sequence[tuple[str, str]]:
    facts = []
    planned, drill = proxy.scheduled_event, proxy.drill
    if planned is not None and planned.scheduled_at is not None:
        where = "the best standby" if planned.target_id is None else proxy.name_of(planned.target_id)
        facts.append(
            ("scheduled", f"switchover to {where} at {_when(planned.scheduled_at)}: {planned.reason}")
        )
    if drill is not None:
        at = "" if drill.scheduled_at is None else f" at {_when(drill.scheduled_at)}"
        facts.append(("drill", f"{drill.status}{at}, by {drill.actor}"))
    return facts


def nodes(console: Console, known: Sequence[NodeView]) -> None:
    """How each node stands to the server."""
    for node in known:
        where = "" if node.replica is None else f" to {node.replica}"
        style = "" if node.state == "connected" else "red"
        console.print(styled(f"Node {node.node_id} is {node.state}{where}.", style))


def replicas(console: Console, known: Sequence[ReplicaView]) -> None:
    """Each replica in a row, when there are several."""
    if len(known) < 2:  # noqa: PLR2004 - a lone one owns everything
        return
    table = _table("REPLICA", "PROXIES", "STANDING", "SINCE", "URL")
    for replica in known:
        table.add_row(
            styled(f"{replica.name} (answers)" if replica.is_self else replica.name, "bold"),
            str(replica.proxies_owned),
            styled(replica.standing, "" if replica.is_live else "red"),
            _when(replica.since),
            styled(replica.url),
        )
    console.print()
    console.print(table)


def _rejections(console: Console, proxies: Sequence[ProxyView]) -> None:
    for proxy in proxies:
        for node, words in proxy.rejections.items():
            console.print(styled(f"Node {node} refuses {proxy.proxy_id}: {words}", "red"))


def _brief(instance: InstanceView) -> Text:
    text = styled(f"{instance.name} ", "bold" if instance.standing == "active" else "")
    text.append_text(_health(instance))
    return text.append_text(_ordered(instance))


def _standing(instance: InstanceView) -> Text:
    text = styled(instance.standing, "bold" if instance.standing == "active" else "")
    return text.append_text(_ordered(instance))


def _health(instance: InstanceView) -> Text:
    sign, style = _HEALTH.get(instance.health, ("?", ""))
    return styled(f"{sign} {instance.health}", style)


def _flaps(instance: InstanceView) -> Text:
    score = f"{instance.flap_score:.1f}" if instance.flap_score >= _LEAST_SHOWN_SCORE else "—"
    if not instance.is_damped:
        return styled(score)
    if instance.damped_until is None:
        return styled(f"{score}, damped until it is well", "yellow")
    return styled(f"{score}, damped until {instance.damped_until:%H:%M:%S}Z", "yellow")


def _all_down(proxy: ProxyView) -> Text:
    if not proxy.is_all_down:
        return styled(proxy.all_down or "")
    return styled(f"{proxy.all_down} (they are)", "red")


def pin_words(proxy: ProxyView) -> str:
    """Who pinned a proxy's active, why and until when, as the end of a sentence about it."""
    by = f" by {proxy.pinned_by}" if proxy.pinned_by else ""
    until = "" if proxy.pinned_until is None else f" until {_when(proxy.pinned_until)}"
    reason = f": {proxy.pin_reason}" if proxy.pin_reason else ""
    return f"{by}{until}{reason}"


def _ordered(instance: InstanceView) -> Text:
    return Text() if instance.admin_state == "ready" else styled(f" [{instance.admin_state}]", "magenta")


def _last_probe(instance: InstanceView, now: datetime) -> str:
    failures = f" ({instance.consecutive_failures} failures)" if instance.consecutive_failures else ""
    recovering = "" if instance.recovery is None else f"; {recovery_words(instance.recovery, now)}"
    return f"{instance.health_detail or '—'}{failures}{recovering}"


def recovery_words(recovery: RecoveryView, now: datetime) -> str:
    """How a recovery stands, such as `recovering (attempt 2 of 3, next in 10 s)`."""
    words = f"attempt {recovery.attempt} of {recovery.most_attempts}"
    if recovery.is_under_way:
        words += " under way"
    elif recovery.next_at is not None:
        what = "next" if recovery.attempt < recovery.most_attempts else "given up"
        words += f", {what} in {max(0.0, (recovery.next_at - now).total_seconds()):.0f} s"
    return f"recovering ({words})"


def _active(proxy: ProxyView) -> Text:
    text = styled(proxy.name_of(proxy.active_id), "bold" if proxy.active else "red")
    if proxy.pinned_id is not None and proxy.pinned_id == proxy.active_id:
        text.append(" (pinned)", style="magenta")
    if proxy.pauses:
        text.append(" (paused)", style="yellow")
    if proxy.blocked is not None:
        text.append(" (blocked)", style="yellow")
    return text


def _redundancy(proxy: ProxyView) -> Sequence[Text]:
    level = Text(proxy.redundancy_level)
    return (level, Text("degraded", style="red")) if proxy.is_degraded else (level,)


def _stacked(console: Console, parts: Sequence[Text], separator: str) -> RenderableType:
    """One beneath the other on a terminal; in one line in a pipe, where a proxy is a line."""
    if not parts:
        return "none"
    return Group(*parts) if console.is_terminal else Text(separator).join(parts)


def _last_move(proxy: ProxyView) -> Text:
    if proxy.open_event is not None:
        event = proxy.open_event
        share = "" if event.share is None else f", at {event.share} %"
        words = f"{event.event_type.value} to {proxy.name_of(event.target_id)} in progress{share}"
        return styled(words, "yellow")
    if proxy.last_failover_at is None:
        return Text("—")
    return styled(f"{_when(proxy.last_failover_at)} {proxy.last_failover_reason or ''}")


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z"


def _table(*columns: str) -> Table:
    """A plain table. Names, addresses and sentences are folded where room is short, words and numbers never."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, no_wrap=column not in _FOLDED, overflow="fold")
    return table
