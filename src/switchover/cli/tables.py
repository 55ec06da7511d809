"""Proxies, instances and events as a person likes to see them."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from switchover.cli.terminal import styled
from switchover.cli.views import (
    STAGES,
    EventView,
    InstanceView,
    NodeView,
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
    *("LAST MOVE", "LAST PROBE", "REASON")
}
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
    facts.add_row("redundancy", Text(" ").join(_redundancy(proxy)))
    facts.add_row("policy says", styled(proxy.opinion))
    facts.add_row("epoch", str(proxy.epoch))
    if proxy.owner is not None:
        facts.add_row("owner", styled(proxy.owner))
    console.print(facts)
    console.print()
    table = _table("INSTANCE", "ADDRESS", "STANDING", "HEALTH", "PRIORITY", "WEIGHT", "LAST PROBE")
    for instance in proxy.instances:
        table.add_row(
            styled(instance.name),
            styled(instance.address or "—"),
            _standing(instance),
            _health(instance),
            str(instance.priority),
            str(instance.weight),
            styled(_last_probe(instance, now)),
        )
    console.print(table)
    if shown:
        console.print()
        console.print(events_drawn(console, proxy, shown))
    _rejections(console, [proxy])


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
        return styled(f"{event.event_type.value} to {proxy.name_of(event.target_id)} in progress", "yellow")
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
