"""The story that the demo tells: crash, return, hang, recovery, each measured under load."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from switchover.cli.client import Api
from switchover.cli.demo.load import Load, Window, window
from switchover.cli.demo.processes import InstanceProcess, ServerProcess
from switchover.cli.demo.stage import Picture, Stage
from switchover.cli.event_tables import milliseconds, stage_times
from switchover.cli.event_views import EventView, event_view
from switchover.cli.failures import CommandFailed
from switchover.cli.views import ProxyView, proxy_view
from switchover.model.clock import Clock
from switchover.model.events import EventStatus, EventType

PROXY_ID = "demo"
_POLL_SECONDS = 0.2
_CALM_SECONDS = 5.0
_MOVE_SECONDS = 30.0
_VERIFIED_SECONDS = 3.0
_EVENTS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What happened in one act.

    Attributes:
        title: What was done.
        begun_at: Monotonic seconds.
        ended_at: Monotonic seconds.
        event: The move that answered it; None when none was due, or none came.
        missed: What did not happen in time; None when everything did.
    """

    title: str
    begun_at: float
    ended_at: float
    event: EventView | None
    missed: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the API said last."""

    proxy: ProxyView
    events: tuple[EventView, ...]


class Story:
    """Plays the acts on real processes and watches through the API."""

    def __init__(
        self,
        *,
        api: Api,
        load: Load,
        instances: Sequence[InstanceProcess],
        server: ServerProcess,
        stage: Stage,
        clock: Clock,
    ) -> None:
        self._api, self._load, self._server, self._stage, self._clock = api, load, server, stage, clock
        self._instances: Mapping[str, InstanceProcess] = {instance.name: instance for instance in instances}
        self._started = clock.monotonic()
        self._title = "Calm"
        self._told: set[tuple[str, EventStatus | str]] = set()

    @property
    def seconds(self) -> float:
        """Since the story began."""
        return self._clock.monotonic() - self._started

    async def play(self) -> Sequence[Act]:
        """All acts, in order."""
        acts = [await self._act("Calm: the preferred instance serves", self._nothing, None)]
        victim = await self._active()
        acts.append(
            await self._act(f"Crash: {victim.name} is killed (SIGKILL)", victim.kill, EventType.FAILOVER)
        )
        acts.append(
            await self._act(f"Return: {victim.name} is started again", victim.start, EventType.FAILBACK)
        )
        frozen = await self._active()

        async def freeze() -> None:
            frozen.freeze()

        async def thaw() -> None:
            frozen.thaw()

        acts.append(await self._act(f"Hang: {frozen.name} is frozen (SIGSTOP)", freeze, EventType.FAILOVER))
        acts.append(await self._act(f"Recovery: {frozen.name} goes on (SIGCONT)", thaw, EventType.FAILBACK))
        return acts

    async def look(self) -> Seen:
        """Ask the API, and show what it says."""
        document = await asyncio.to_thread(self._api.proxy, PROXY_ID)
        listed = await asyncio.to_thread(self._api.events, PROXY_ID, _EVENTS)
        seen = Seen(proxy=proxy_view(document), events=tuple(event_view(event) for event in listed))
        self._stage.show(
            Picture(
                seconds=self.seconds,
                act=self._title,
                proxy=seen.proxy,
                event=seen.events[0] if seen.events else None,
                doing={name: process.doing for name, process in self._instances.items()},
                sent=self._load.total,
                failed=self._load.failed,
                last=window(self._load.recent(1.0)),
            )
        )
        self._tell_events(seen)
        return seen

    async def _act(self, title: str, do: Callable[[], object], due: EventType | None) -> Act:
        before = {event.event_id for event in (await self.look()).events}
        begun = self._clock.monotonic()
        self._title = title
        self._tell(title)
        done = do()
        if asyncio.iscoroutine(done):
            await done
        missed: str | None = None

        def move(seen: Seen) -> EventView | None:
            return next((e for e in seen.events if e.event_type is due and e.event_id not in before), None)

        event: EventView | None = None
        if due is not None:
            seen = await self._until(
                lambda s: (e := move(s)) is not None and not e.status.is_open, _MOVE_SECONDS
            )
            event = move(seen)
            if event is None or event.status.is_open:
                missed = f"no {due.value} was completed within {_MOVE_SECONDS:g} s"
            else:
                # A request that proves the new active follows the event by a moment.
                await self._until(
                    lambda s: (e := move(s)) is not None and "verified" in e.stages, _VERIFIED_SECONDS
                )
        seen = await self._until(lambda _: False, _CALM_SECONDS)
        ended = self._clock.monotonic()
        self._tell(_cost(window(self._load.between(begun, ended))))
        return Act(
            title=title, begun_at=begun, ended_at=ended, event=move(seen) if due else None, missed=missed
        )

    async def _nothing(self) -> None:
        pass

    async def _active(self) -> InstanceProcess:
        active = (await self.look()).proxy.active
        if active is None:
            raise CommandFailed("the demo's proxy has no active instance")
        return self._instances[active.name]

    async def _until(self, condition: Callable[[Seen], bool], seconds: float) -> Seen:
        """Look until `condition` holds or `seconds` are over; what was seen last."""
        deadline = self._clock.monotonic() + seconds
        while True:
            self._server.check()
            seen = await self.look()
            if condition(seen) or self._clock.monotonic() > deadline:
                return seen
            await self._clock.sleep(_POLL_SECONDS)

    def _tell_events(self, seen: Seen) -> None:
        for event in reversed(seen.events):
            name = f"{event.event_type.value} {seen.proxy.name_of(event.source_id)} → "
            name += seen.proxy.name_of(event.target_id)
            if self._is_new(event, event.status):
                ended = f": {event.error_message}" if event.error_message else ""
                times = stage_times(event)
                self._tell(f"  {name} {event.status.value}{ended} · {event.reason} · {times}")
            if "verified" in event.stages and self._is_new(event, "verified"):
                later = milliseconds(event.after_detection_ms("verified"))
                self._tell(f"  {name} verified +{later} · a request was answered by the new active")

    def _is_new(self, event: EventView, word: EventStatus | str) -> bool:
        """Whether `word` about `event` was not told yet; from now on it was."""
        new = (event.event_id, word) not in self._told
        self._told.add((event.event_id, word))
        return new

    def _tell(self, line: str) -> None:
        self._stage.tell(self.seconds, line)


def _cost(numbers: Window) -> str:
    return (
        f"  {numbers.requests} requests, {numbers.failed} failed, {numbers.late} late, "
        f"slowest {milliseconds(numbers.slowest_ms)}"
    )
