"""PURE: when an instance is probed next. Times are seconds on the monotonic clock."""

import math
from dataclasses import dataclass
from uuid import UUID

_PHASES = 1 << 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The rhythm of one instance.

    Attributes:
        interval_seconds: Between probes in a steady state, above 0.
        fast_interval_seconds: Between probes in transition, above 0, at most the interval.
        phase: Where in the interval its steady probes fall, 0 up to but not including 1.
    """

    interval_seconds: float
    fast_interval_seconds: float
    phase: float


def phase_of(instance_id: UUID) -> float:
    """A fixed phase from the id, so that the probes of many instances spread over the interval.

    The low bits of a UUIDv7 are random (RFC 9562, section 5.7); its high bits are the time.
    """
    return (instance_id.int % _PHASES) / _PHASES


def next_due(timing: Timing, *, started: float, ended: float, in_transition: bool) -> float:
    """When the next probe starts, given when the last one started and ended.

    In transition: one fast interval after the last start. Steady: the instance's next slot on the grid of
    (k + phase) · interval after the last start. Never before the last one ended.
    """
    if in_transition:
        return max(started + timing.fast_interval_seconds, ended)
    return max(_slot_after(timing, started), ended)


def next_deadline(timing: Timing, *, heard: float, missed: float | None, in_transition: bool) -> float:
    """When a heartbeat counts as missed: one interval after it was last heard, then as often as a probe would be.

    Args:
        timing: The rhythm.
        heard: When it was last heard, or when we began to listen.
        missed: When the last deadline passed since then; None if none did.
        in_transition: Whether the instance is in transition after that.
    """
    if missed is None:
        return heard + timing.interval_seconds
    return missed + (timing.fast_interval_seconds if in_transition else timing.interval_seconds)


def _slot_after(timing: Timing, moment: float) -> float:
    offset = timing.phase * timing.interval_seconds
    slots = math.floor((moment - offset) / timing.interval_seconds) + 1
    slot = slots * timing.interval_seconds + offset
    # Rounding may land on the moment itself, which would probe twice in a row.
    return slot if slot > moment else slot + timing.interval_seconds
