"""Events and drills as a person likes to see them."""

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.text import Text

from switchover.cli import times
from switchover.cli.event_views import STAGES, DrillView, EventView
from switchover.cli.terminal import plain_table, styled
from switchover.cli.views import ProxyView
from switchover.model.events import EventStatus

_EVENT_STYLES = {
    EventStatus.COMPLETED: "green",
    EventStatus.FAILED: "red",
    EventStatus.IN_PROGRESS: "yellow",
    EventStatus.PENDING: "yellow",
}

_TABLE_WIDTH = 150
"""A narrower terminal breaks an event's row into pieces."""


def events_drawn(console: Console, view: ProxyView, shown: Sequence[EventView]) -> RenderableType:
    """Events with what moved where, how it ended, and when each stage was reached after detection: a table where
    there is room for it, a few lines each on a narrow terminal.
    """
    if console.width < _TABLE_WIDTH:
        return Group(*(line for event in shown for line in _event_lines(view, event)))
    stages = STAGES[1:]
    table = plain_table(
        "AT", "EVENT", "FROM", "TO", "STATUS", "EPOCH", "TOOK", *(f"+{s}" for s in stages), "REASON"
    )
    for event in shown:
        table.add_row(
            times.shown(event.created_at),
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
    first = styled(f"{times.shown(event.created_at)}  {move}")
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


def drills_drawn(view: ProxyView, shown: Sequence[DrillView]) -> RenderableType:
    """Drills with where they went and how they ended."""
    table = plain_table("AT", "FROM", "TO", "OUTCOME", "TOOK", "BY", "REASON")
    for drill in shown:
        table.add_row(
            times.shown(drill.started_at or drill.scheduled_at or drill.created_at),
            styled(view.name_of(drill.home_id)),
            styled(view.name_of(drill.target_id)),
            styled(drill.outcome or drill.status, "green" if drill.outcome == "succeeded" else "yellow"),
            "—" if drill.took_seconds is None else f"{drill.took_seconds:.1f} s",
            styled(drill.actor),
            styled(drill.message or ""),
        )
    return table
