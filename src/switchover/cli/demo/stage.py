"""How the demo is shown: a live picture on a terminal, plain lines in a pipe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from switchover.cli.demo.load import Window
from switchover.cli.demo.processes import Doing
from switchover.cli.event_tables import milliseconds, stage_times
from switchover.cli.event_views import EventView
from switchover.cli.tables import health_text
from switchover.cli.terminal import styled
from switchover.cli.views import ProxyView

PLAIN_SECONDS = 2.0
_TOLD_LINES = 9
_BAR_WIDTH = 24
_CLOCK_WIDTH = len("  0.0 s  ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One moment of the demo.

    Attributes:
        seconds: Since the story began.
        act: What is going on.
        proxy: What the API says.
        event: The newest event; None before the first.
        doing: What each instance's process does, by name.
        sent: Requests so far.
        failed: Of those, failed.
        last: The numbers of the last second.
    """

    seconds: float
    act: str
    proxy: ProxyView
    event: EventView | None
    doing: Mapping[str, Doing]
    sent: int
    failed: int
    last: Window


class Stage(Protocol):
    """Where the demo is shown. Use as a context manager."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; what was shown last stays."""

    def tell(self, seconds: float, line: str) -> None:
        """Something happened."""

    def show(self, picture: Picture) -> None:
        """This is how it looks now."""


class LiveStage:
    """One picture that moves, with the story beneath."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
        self._told: list[str] = []
        self._picture: Picture | None = None

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def tell(self, seconds: float, line: str) -> None:
        """Add to the story beneath the picture."""
        self._told.append(f"{seconds:5.1f} s  {line}")
        self._refresh()

    def show(self, picture: Picture) -> None:
        """Draw the picture anew."""
        self._picture = picture
        self._refresh()

    def _refresh(self) -> None:
        story = Text("\n", no_wrap=True, overflow="ellipsis").join(
            styled(line, "" if line.startswith(" ", _CLOCK_WIDTH) else "bold")
            for line in self._told[-_TOLD_LINES:]
        )
        drawn = story if self._picture is None else Group(_drawn(self._picture), Text(), story)
        self._live.update(drawn, refresh=True)


class PlainStage:
    """Lines, and no control codes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown_at = -PLAIN_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def tell(self, seconds: float, line: str) -> None:
        """Print the line."""
        self._console.print(styled(f"{seconds:5.1f} s  {line}"))
        self._console.file.flush()

    def show(self, picture: Picture) -> None:
        """Print the numbers, every two seconds."""
        if picture.seconds - self._shown_at < PLAIN_SECONDS:
            return
        self._shown_at = picture.seconds
        proxy, last = picture.proxy, picture.last
        health = ", ".join(f"{i.name} {i.health}" for i in proxy.instances)
        numbers = f"{last.requests}/s, {picture.sent} sent, {picture.failed} failed, p99 {milliseconds(last.p99_ms)}"
        self.tell(picture.seconds, f"{proxy.name_of(proxy.active_id)} serves · {numbers} · {health}")


def stage_for(console: Console) -> Stage:
    """Live on a terminal, plain elsewhere."""
    return LiveStage(console) if console.is_terminal else PlainStage(console)


def _drawn(picture: Picture) -> Panel:
    return Panel(
        Group(_instances(picture), Text(), _numbers(picture), *_event(picture)),
        title=styled(f"{picture.act}", "bold"),
        subtitle=f"{picture.seconds:.0f} s",
        title_align="left",
        subtitle_align="right",
    )


def _instances(picture: Picture) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("", "INSTANCE", "PROCESS", "HEALTH", "REQUESTS IN THE LAST SECOND"):
        table.add_column(column)
    styles = {Doing.RUNNING: "", Doing.KILLED: "bold red", Doing.FROZEN: "bold blue"}
    for instance in picture.proxy.instances:
        active = instance.instance_id == picture.proxy.active_id
        doing = picture.doing.get(instance.name, Doing.KILLED)
        served = picture.last.by_instance[instance.name]
        bar = "█" * round(_BAR_WIDTH * served / max(1, picture.last.requests))
        table.add_row(
            styled("▶" if active else " ", "bold green"),
            styled(instance.name, "bold" if active else ""),
            styled(doing.value, styles[doing]),
            health_text(instance),
            Text.assemble((bar.ljust(_BAR_WIDTH), "green"), f" {served}"),
        )
    return table


def _numbers(picture: Picture) -> Text:
    last = picture.last
    return Text.assemble(
        (f"{picture.sent} requests", "bold"),
        "   ",
        (f"{picture.failed} failed", "bold red" if picture.failed else "bold green"),
        f"   {last.requests}/s   p99 {milliseconds(last.p99_ms)}   {last.late} late",
    )


def _event(picture: Picture) -> Sequence[Text]:
    event, proxy = picture.event, picture.proxy
    if event is None:
        return ()
    move = f"{event.event_type.value} {proxy.name_of(event.source_id)} → {proxy.name_of(event.target_id)}"
    return (
        Text(),
        styled(f"Last event: {move}, {event.status.value} (epoch {event.epoch})"),
        styled(stage_times(event), "dim"),
    )
