"""The Protocol of the store. Every method is one transaction: all of it happens, or nothing.

Where several replicas share a store, whatever an owner writes about a proxy carries the fence of its lease. It is
checked in the transaction itself; `LostLease` is raised when another replica owns the proxy, or our session is over.
Without a fence (None) there is one process, and nothing is checked.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from switchover.model.blocked import BlockedMove
from switchover.model.drills import Drill
from switchover.model.events import FailoverEvent, PastMove
from switchover.model.instance import Instance
from switchover.model.lease import Fence
from switchover.model.metrics import InstanceMetrics
from switchover.model.proxy import Pin, Proxy
from switchover.model.recovery import RecoverySecrets
from switchover.model.redundancy import RedundancyStatus
from switchover.model.rules import Gate, Pause, SafetyRules, Scope, ScopeStanding
from switchover.model.trail import NO_TRAIL, AuditEntry, OutboxMessage, Trail
from switchover.model.transition import HealthTransition


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProxy:
    """One proxy as the store has it.

    Attributes:
        proxy: Policy, active, epoch, pin.
        instances: The registered ones (deleted ones are history).
        moves: Committed moves (never recovery) since the time that was asked for, oldest first.
        open_move: The event IN_PROGRESS, whose outcome is missing; None without one.
        scheduled_move: The PENDING event, a switchover of which the time has not come; None without one.
        open_drill: The drill that has not ended; None without one.
        redundancy: As last stored; None before the first.
        recoveries: The newest recovery event of each registered instance that has one, open or closed.
        last_move_failed: Whether the last committed move has failed: then not every node may have applied it.
        change_number: Grows with everything that is stored about the proxy.
        blocked: The blocked move that has not ended; None without one.
    """

    proxy: Proxy
    instances: tuple[Instance, ...]
    moves: tuple[PastMove, ...]
    open_move: FailoverEvent | None
    redundancy: RedundancyStatus | None
    recoveries: tuple[FailoverEvent, ...] = ()
    last_move_failed: bool = False
    change_number: int = 0
    blocked: BlockedMove | None = None
    scheduled_move: FailoverEvent | None = None
    open_drill: Drill | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A change of the active instance, to be committed against what was seen.

    Attributes:
        seen_active_instance_id: The active that the decision saw.
        seen_epoch: The epoch that it saw.
        event: The intent, IN_PROGRESS, with `epoch` = `seen_epoch` + 1 and the new active as its target. Without
            a `committed_at` of its own it is stored with the pass's `at`.
        pin: The pin after the move.
        superseded: The open move that this one closes, already closed as FAILED; None without one.
        pin_note: Who pinned, why and until when; None when that is not known.
        forced: Whether safety rules and pauses are skipped, because a person said so, or a drill goes home.
        scheduled: Whether the event is stored already, as PENDING: then it becomes this one.
    """

    seen_active_instance_id: UUID | None
    seen_epoch: int
    event: FailoverEvent
    pin: UUID | None
    superseded: FailoverEvent | None = None
    pin_note: Pin | None = None
    forced: bool = False
    scheduled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """A step of the open move, to be committed against what was seen. The active stays; the epoch grows by one.

    Attributes:
        seen_active_instance_id: The active that the decision saw.
        seen_epoch: The epoch that it saw.
        event: The open move, of which `gradual` alone is written.
    """

    seen_active_instance_id: UUID | None
    seen_epoch: int
    event: FailoverEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """Everything that one pass of the cycle changes about one proxy.

    Attributes:
        proxy_id: The proxy.
        at: When it decided.
        instances: Instances whose health, usage or resolved host changed: those columns alone are written, and
            only while the instance is registered.
        transitions: What turned in their health since the last pass, in the order in which it did.
        move: The move, if the pass decided one.
        step: The step of the open move, if the pass decided one; never together with a move.
        redundancy: The derived status, if it changed.
        blocked: Blocked moves that began, were seen again or ended; those that ended first.
        trail: Audit entries and messages of all of it.
        fence: Of the owner who writes.
    """

    proxy_id: str
    at: datetime
    instances: tuple[Instance, ...] = ()
    transitions: tuple[HealthTransition, ...] = ()
    move: Move | None = None
    step: Stepped | None = None
    redundancy: RedundancyStatus | None = None
    blocked: tuple[BlockedMove, ...] = ()
    trail: Trail = NO_TRAIL
    fence: Fence | None = None


class Store(Protocol):
    """Remembers.

    `StoreUnavailable` may be raised by every method; then nothing was changed, unless it is `OutcomeUnknown`: a
    method that writes may have done all of it.

    Methods that take a fence raise `LostLease` when it is outdated; then nothing was changed either.
    """

    async def load(
        self, moves_since: datetime, proxy_ids: Collection[str] | None = None
    ) -> Sequence[StoredProxy]:
        """Every proxy that is not deleted, by proxy id; or those of `proxy_ids` that there are."""

    async def load_proxy(self, proxy_id: str, moves_since: datetime) -> StoredProxy | None:
        """One proxy; None when there is none, or it is deleted."""

    async def create_proxy(self, proxy: Proxy, trail: Trail = NO_TRAIL) -> Proxy:
        """Store a new proxy with its policy and return it as stored; nobody owns it yet.

        A deleted proxy of the same id and owner is revived: its history stays, and its epoch goes on (a node must
        never see an older one), so the returned epoch may be above 0.

        Raises:
            Conflict: The id is taken, or was another owner's, or the listener's address and port are.
        """

    async def save_policy(self, proxy: Proxy, trail: Trail = NO_TRAIL, *, fence: Fence | None = None) -> None:
        """Store policy, pin, generation and `updated_at` of a proxy; its active and epoch are left alone.

        Raises:
            NotFound: It does not exist (any more).
            Conflict: The stored generation is not `proxy.generation - 1`, or the listener is taken.
        """

    async def delete_proxy(
        self, proxy_id: str, at: datetime, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        """Mark the proxy and its instances as deleted and close its open events as failed; history stays, the
        redundancy status and the recovery secrets do not.

        Raises:
            NotFound: It does not exist (any more).
        """

    async def add_instance(
        self, instance: Instance, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        """Store a new instance.

        Raises:
            NotFound: Its proxy does not exist.
            Conflict: Its name is taken within the proxy, or its id is.
        """

    async def save_instance(
        self, instance: Instance, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        """Store what people say about an instance (name, type, priority, weight, address, admin order) and its
        resolved host and health. Usage is left alone.

        Raises:
            NotFound: It does not exist (any more).
            Conflict: Its name is taken within the proxy.
        """

    async def delete_instance(
        self, instance_id: UUID, at: datetime, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        """Mark an instance as deleted and close its open recovery as failed; events keep naming it.

        Raises:
            NotFound: It does not exist (any more).
        """

    async def commit_pass(self, change: Pass) -> None:
        """Store one pass. With a move: compare-and-set on (active instance, epoch), and no rule in the way. With a step of
        one: compare-and-set on the same, and its event is in progress still.

        The rules (`decision.rules.breaches`) are asked about the state after the move. Pauses, rules and gates cannot
        change while they are, and two moves that one limit counts come one after the other.

        Raises:
            MoveBlocked: A pause or a safety rule is in the way; nothing of the pass was stored.
            NotFound: The proxy does not exist (any more), or the instance that the move makes active does not.
            Conflict: The stored active or epoch is not what the move or step saw, or the event of the step is closed, or a move is open that this one does not
                supersede, or it is `scheduled` and not PENDING any more; `state` has both as they are (`activeInstanceId`, `epoch`). Nothing of the pass was stored.
            OutcomeUnknown: The move may be stored. Committing it again is safe: once it is stored, a repeated one is
                such a Conflict, with the move's own epoch in its `state`.
        """

    async def flush_instances(
        self, instances: Sequence[Instance], fences: Mapping[str, Fence] | None = None
    ) -> None:
        """Store health, usage and resolved host of many instances in one batch; unknown or deleted ones are skipped.

        So are those whose stored health state is another: a pass stores that at once, and a batch may come after it.
        With `fences` (by proxy id) those of proxies whose fence is missing or outdated are skipped too.
        """

    async def close_event(
        self,
        event: FailoverEvent,
        trail: Trail = NO_TRAIL,
        *,
        was_open: bool = True,
        fence: Fence | None = None,
    ) -> bool:
        """Store the outcome of an event: status, error, duration, when it was applied and completed, the nodes' answers.
        With `was_open` only if the stored one is still open.

        Returns:
            Whether it was stored; False when somebody else had closed it.

        Raises:
            NotFound: There is no such event.
        """

    async def schedule_move(
        self, event: FailoverEvent, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        """Store a PENDING event, with its `scheduled_at`; `close_event` cancels it. It holds up no other move.

        Raises:
            NotFound: The proxy or the target instance does not exist (any more).
            Conflict: The proxy has one already.
        """

    async def save_drill(self, drill: Drill, trail: Trail = NO_TRAIL, *, fence: Fence | None = None) -> None:
        """Store a drill, or how far it is since.

        Raises:
            NotFound: The proxy does not exist (any more).
            Conflict: The proxy has another one that has not ended.
        """

    async def drills(self, proxy_id: str, limit: int) -> Sequence[Drill]:
        """The newest `limit` drills of a proxy, newest first."""

    async def note_verified(self, event_id: UUID, at: datetime, *, fence: Fence | None = None) -> None:
        """Store when the new active was seen to answer, unless it is known already; an unknown event is ignored."""

    async def add_recovery_event(
        self, event: FailoverEvent, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> bool:
        """Store an open recovery event unless its target instance has one; whether it was stored.

        Raises:
            NotFound: The proxy or the target instance does not exist (any more).
        """

    async def note_attempts(
        self, event: FailoverEvent, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        """Store the evidence of a recovery event, which has its attempts, be it open or closed; its outcome is left alone.

        Raises:
            NotFound: There is no such recovery event.
        """

    async def recovery_secrets(self, proxy_id: str) -> RecoverySecrets | None:
        """What a proxy's webhook is signed with; None before the first secret."""

    async def save_recovery_secrets(
        self, secrets: RecoverySecrets, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        """Store what a proxy's webhook is signed with from now on, in place of what was.

        Raises:
            NotFound: The proxy does not exist (any more).
        """

    async def save_redundancy(
        self, status: RedundancyStatus, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> None:
        """Store a declared or derived redundancy status.

        Raises:
            NotFound: The proxy does not exist (any more).
        """

    async def raise_epoch(
        self, proxy_id: str, epoch: int, trail: Trail = NO_TRAIL, *, fence: Fence | None = None
    ) -> bool:
        """Set the epoch to `epoch` if the stored one of a proxy that is not deleted is below; whether it was."""

    async def standings(self) -> Sequence[ScopeStanding]:
        """Every scope in which something is set, by scope."""

    async def save_pause(self, scope: Scope, pause: Pause | None, trail: Trail = NO_TRAIL) -> None:
        """Pause automation in a scope, in place of a former pause; None resumes it.

        No automatic move that the pause forbids commits once this has returned, whoever makes it.
        """

    async def save_rules(self, scope: Scope, rules: SafetyRules, trail: Trail = NO_TRAIL) -> None:
        """Store the rules of the fleet or of a user, in place of the former ones; from then on they bind every move."""

    async def save_gate(self, scope: Scope, name: str, gate: Gate | None, trail: Trail = NO_TRAIL) -> None:
        """Store a gate of the fleet or of a user, in place of the one with that name; None takes it away."""

    async def blocked_moves(self, proxy_id: str, limit: int) -> Sequence[BlockedMove]:
        """The newest `limit` blocked moves of a proxy, newest first."""

    async def event(self, event_id: UUID) -> FailoverEvent | None:
        """One event; None when there is none."""

    async def events(self, proxy_id: str, limit: int) -> Sequence[FailoverEvent]:
        """The newest `limit` events of a proxy, newest first."""

    async def health_transitions(
        self, proxy_id: str, since: datetime, until: datetime, limit: int
    ) -> Sequence[HealthTransition]:
        """The newest `limit` transitions of a proxy's instances, deleted ones too, with `since` ≤ at ≤ `until`, newest
        first.
        """

    async def record_metrics(self, metrics: InstanceMetrics) -> None:
        """Store one sample.

        Raises:
            NotFound: The instance does not exist (any more).
        """

    async def metrics(
        self, instance_id: UUID, since: datetime, until: datetime, limit: int
    ) -> Sequence[InstanceMetrics]:
        """The newest `limit` samples with `since` ≤ recorded ≤ `until`, newest first."""

    async def append_audit(self, entry: AuditEntry) -> None:
        """Store an audit entry that belongs to no other change, such as a refused order."""

    async def audit(self, proxy_id: str, limit: int) -> Sequence[AuditEntry]:
        """The newest `limit` audit entries of a proxy, newest first."""

    async def pending_messages(self, limit: int, replica_id: UUID | None = None) -> Sequence[OutboxMessage]:
        """The oldest `limit` messages that are not handed over yet, oldest first.

        With `replica_id` only those of proxies on which that replica has the lease, and of deleted ones, which nobody owns.
        """

    async def mark_delivered(self, message_ids: Sequence[UUID], at: datetime) -> None:
        """Note that messages were handed over; unknown ids are ignored, and the first time counts."""

    async def prune(
        self,
        *,
        events_before: datetime,
        metrics_before: datetime,
        messages_before: datetime,
        transitions_before: datetime,
    ) -> int:
        """Delete events closed, drills and blocked moves ended, samples recorded, messages delivered and transitions of
        health before that; how many rows went.

        A proxy's newest event stays. Not one transaction but a row of small ones, so that nobody waits long; after
        `StoreUnavailable` some rows may be gone already.
        """

    async def close(self) -> None:
        """Release every connection."""
