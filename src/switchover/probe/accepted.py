"""The bounded book of accepted probes: from `submit` until the observation is taken."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from switchover.model.observation import Observation
from switchover.probe.prober import DueProbe


class AcceptedProbes:
    """Holds at most `most_accepted` probes, one per instance, whether they wait, are under way or have ended.

    Nobody is forgotten: whoever takes a probe with `next_due` owes `finish` exactly one observation for it.

    Args:
        most_accepted: 1 or more.
    """

    def __init__(self, most_accepted: int) -> None:
        self._room = asyncio.Semaphore(most_accepted)
        self._instances: set[UUID] = set()
        # Never full: a probe in it holds one place of the room.
        self._waiting: asyncio.Queue[DueProbe] = asyncio.Queue(maxsize=most_accepted)
        self._finished: list[Observation] = []
        self._any_finished = asyncio.Event()

    async def accept(self, due: Sequence[DueProbe]) -> None:
        """Accept in order, waiting for room; what contradicts "one per instance" is ignored."""
        for probe in due:
            if probe.instance_id in self._instances:
                continue
            await self._room.acquire()
            if probe.instance_id in self._instances:
                self._room.release()  # somebody else submitted it while we waited
                continue
            self._instances.add(probe.instance_id)
            self._waiting.put_nowait(probe)

    async def next_due(self) -> DueProbe:
        """Wait for the probe that was accepted first."""
        return await self._waiting.get()

    def finish(self, observation: Observation) -> None:
        """Note what a probe left."""
        self._finished.append(observation)
        self._any_finished.set()

    async def take(self) -> Sequence[Observation]:
        """Wait until there is an observation, and take all; their places are free then."""
        while not self._finished:
            self._any_finished.clear()
            await self._any_finished.wait()
        taken, self._finished = tuple(self._finished), []
        for observation in taken:
            self._instances.discard(observation.instance_id)
            self._room.release()
        return taken
