"""What bounds automation, and what it blocks, as a person likes to see it."""

from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.table import Table

from switchover.cli import times
from switchover.cli.automation_views import AutomationView, BlockedView, PauseView
from switchover.cli.terminal import plain_table, styled
from switchover.cli.views import ProxyView


def paused_words(pause: PauseView) -> str:
    """A pause in one line: what is stopped, who did it and why, since and until when."""
    end = "" if pause.until is None else f", until {times.shown(pause.until)}"
    return f"{pause.scope} by {pause.by} since {times.shown(pause.since)}{end}: {pause.reason}"


def blocked_drawn(view: ProxyView, shown: Sequence[BlockedView]) -> RenderableType:
    """Moves that a rule blocked, newest first."""
    table = plain_table("BLOCKED AT", "UNTIL", "WANTED", "FROM", "TO", "TIMES", "RULE", "REASON")
    for move in shown:
        table.add_row(
            times.shown(move.first_at),
            "now" if move.ended_at is None else times.shown(move.ended_at),
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
        words = f"{'on' if is_on else 'off'}, by {by} at {times.shown(at)}{': ' if reason else ''}{reason}"
        facts.add_row(styled(f"gate {name}"), styled(words, "" if is_on else "yellow"))
    console.print(facts)


def blocked_words(view: ProxyView, move: BlockedView) -> str:
    """A blocked move in one line: what was wanted, since when and why, and what the rule says."""
    wanted = f"{move.event_type} {view.name_of(move.source_id)} → {view.name_of(move.target_id)}"
    return f"{wanted} since {times.shown(move.first_at)} ({move.reason}): {move.message}"
