"""Proxies, instances and who keeps them, as a person likes to see them."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from switchover.cli import times
from switchover.cli.automation_tables import blocked_words, paused_words
from switchover.cli.event_tables import events_drawn
from switchover.cli.event_views import EventView
from switchover.cli.fleet_views import NodeView, ReplicaView
from switchover.cli.terminal import plain_table, styled
from switchover.cli.views import InstanceView, ProxyView, RecoveryView

_HEALTH = {"healthy": ("✓", "green"), "unhealthy": ("✗", "red"), "unknown": ("?", "yellow")}
_LEAST_SHOWN_SCORE = 0.05
"""A lower score is that of a fall long ago."""


def health_text(instance: InstanceView) -> Text:
    """Health in a sign, a word and a colour, with the failures that count towards the threshold."""
    text = _health(instance)
    if instance.consecutive_failures:
        text.append(f" ({instance.consecutive_failures} failures)")
    return text


def overview(console: Console, proxies: Sequence[ProxyView]) -> None:
    """Every proxy in a row, and what nodes refuse."""
    if not proxies:
        console.print("No proxies yet. `switchover apply -f proxies.yaml` makes some.")
        return
    table = plain_table("PROXY", "ACTIVE", "INSTANCES", "REDUNDANCY", "EPOCH", "STRATEGY", "LAST MOVE")
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
        facts.add_row("blocked", styled(blocked_words(proxy, proxy.blocked), "yellow"))
    facts.add_row("epoch", str(proxy.epoch))
    for name, words in (*_ordered_facts(proxy), *_planned_facts(proxy)):
        facts.add_row(name, styled(words))
    if proxy.owner is not None:
        facts.add_row("owner", styled(proxy.owner))
    console.print(facts)
    console.print()
    table = plain_table(
        "INSTANCE", "ADDRESS", "STANDING", "HEALTH", "FLAPS", "PRIORITY", "WEIGHT", "LAST PROBE"
    )
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
            parts.append(f"until {times.shown(instance.expires_at)}")
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
            ("scheduled", f"switchover to {where} at {times.shown(planned.scheduled_at)}: {planned.reason}")
        )
    if drill is not None:
        at = "" if drill.scheduled_at is None else f" at {times.shown(drill.scheduled_at)}"
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
    table = plain_table("REPLICA", "PROXIES", "STANDING", "SINCE", "URL")
    for replica in known:
        table.add_row(
            styled(f"{replica.name} (answers)" if replica.is_self else replica.name, "bold"),
            str(replica.proxies_owned),
            styled(replica.standing, "" if replica.is_live else "red"),
            times.shown(replica.since),
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
    until = "" if proxy.pinned_until is None else f" until {times.shown(proxy.pinned_until)}"
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
        return styled(f"{event.event_type.value} to {proxy.name_of(event.target_id)} in progress", "yellow")
    if proxy.last_failover_at is None:
        return Text("—")
    return styled(f"{times.shown(proxy.last_failover_at)} {proxy.last_failover_reason or ''}")
