"""What must hold whatever happens, checked against what was stored and what nodes were told.

While a schedule runs, beside what `bounds.py` checks of automatic moves:
- A write is stored only with a lease that stands, of a session that lasts.
- A committed move takes the epoch one further, from the active that was, to an instance that is registered, ready and
  healthy, and in the evidence nothing speaks against it (a person may move to a damped one); a failback goes to no
  damped one. It has one event of its own, an audit entry and a message.
- Where 2 of 3 observers must agree, nobody leaves an instance that is well because one replica cannot see it.
- A replica that doubts itself moves nothing for what its probes saw.
- What was decided is decided again from the view that was looked at, and the event has that evidence.
- At most one move of a proxy is open, and what is closed stays as it was closed.
- A node is told no older epoch than it runs, none that was never stored, and in one epoch one active: on every node, by
  every replica. A node of an exclusive proxy is told no new active while another node serves an older one.
Once everything is mended and a while has passed:
- Each proxy has one owner, everybody believes what is stored, every node runs it.
- No event is open or missing, every message was handed over, nothing is left to decide.
- No order stands beyond its end, nothing that was for later is overdue, no drill goes on for ever, by the owner's clock.
- Everybody knows what bounds automation.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from switchover.control.cycle import PassResult
from switchover.control.fleet import ProxyState
from switchover.decision.damping import damping_of
from switchover.decision.decide import decide
from switchover.decision.eligibility import lasting_vetoes
from switchover.decision.orders import FORCIBLE
from switchover.decision.reasons import BY_EVIDENCE, BY_NAME, Reason, Veto
from switchover.model.drills import DrillStatus
from switchover.model.events import EventStatus, EventType, FailoverEvent, Trigger
from switchover.model.lease import Fence
from switchover.model.observation import Health
from switchover.model.plan import Plan
from switchover.model.steadiness import AllDown
from switchover.model.trail import Topic
from switchover.record.store import Pass, Stepped
from switchover.testing.simulator.bounds import Bounds
from switchover.testing.simulator.company import SimulatedCompany
from switchover.testing.simulator.node import SimulatedNode
from switchover.testing.simulator.replica import SimulatedReplica
from switchover.testing.simulator.truth import Truth

_FENCED = frozenset(
    {
        "commit_pass",
        "save_policy",
        "delete_proxy",
        "add_instance",
        "save_instance",
        "delete_instance",
        "close_event",
        "note_verified",
        "add_recovery_event",
        "schedule_move",
        "save_drill",
        "save_redundancy",
        "raise_epoch",
    }
)


_WORTH_A_LOOK = frozenset(
    {
        Reason.SUSPECTED,
        Reason.NOT_SEEN_YET,
        Reason.MANY_FAIL,
        Reason.LOOP_LAGS,
        Reason.REFERENCES_FAIL,
        Reason.STORE_RETURNED,
    }
)
"""Reasons of a HOLD that keep a move back."""


class Witness:
    """Sees everything; `violations` has what should not have been.

    Args:
        company: What is stored.
        truth: What is really so.
    """

    def __init__(self, company: SimulatedCompany, truth: Truth) -> None:
        self.violations: list[str] = []
        self.moves = 0
        self._company = company
        self._truth = truth
        self._store = company.store
        self._epochs: dict[str, int] = {}
        self._actives: dict[tuple[str, int], UUID | None] = {}
        self._events: dict[tuple[str, int], UUID] = {}
        self._closed: dict[UUID, EventStatus] = {}
        self._nodes: list[SimulatedNode] = []
        self.bounds = Bounds(company.store, company.time, self._say)

    def watch(self, nodes: Sequence[SimulatedNode]) -> None:
        """Begin with what there is."""
        self._nodes = list(nodes)
        for proxy_id in self._store.proxy_ids:
            self._created(proxy_id)

    def stored(self, replica_id: UUID, method: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """The store has just carried out a call of that replica."""
        if method == "create_proxy":
            self._created(args[0].proxy_id)
        if method not in _FENCED:
            return
        proxy_id = self._proxy_id(method, args[0])
        if proxy_id is None:
            return
        fence = args[0].fence if method == "commit_pass" else kwargs.get("fence")
        self._check_fence(replica_id, method, proxy_id, fence)
        match method:
            case "commit_pass":
                self.bounds.check(args[0])
                self._check_move(args[0])
            case "delete_proxy":
                self.bounds.deleted(proxy_id)
            case "close_event":
                self._check_closed(args[0])
        if proxy_id in self._store.proxy_ids:
            self._check_epoch(method, proxy_id)

    def _check_epoch(self, method: str, proxy_id: str) -> None:
        proxy = self._store.proxy(proxy_id)
        if method == "raise_epoch":
            if proxy.epoch != self._epochs[proxy_id]:
                self._say(f"{proxy_id}: the epoch was raised to {proxy.epoch}, and nobody lost a store")
            self._epochs[proxy_id] = proxy.epoch
        if (proxy.epoch, proxy.active_instance_id) != (
            self._epochs[proxy_id],
            self._actives.get((proxy_id, proxy.epoch)),
        ):
            self._say(f"{proxy_id}: {method} changed the active or the epoch without a move")

    def decided(self, name: str, result: PassResult) -> None:
        """A replica has ended a pass, and what it decided is stored."""
        decision, event, proxy_id = result.decision, result.event, result.state.proxy.proxy_id
        if decision.blocked is not None:
            self.bounds.recorded(name, result.state.blocked)
        if event is None and decision.reason not in _WORTH_A_LOOK:
            return
        if decision.reason not in BY_NAME and decide(result.view, result.at) != decision:
            self._say(f"{proxy_id}: what {name} decided is not decided again from what it looked at")
        if len(decision.candidates) != len(result.view.instances):
            self._say(f"{proxy_id}: {name} decided {decision.reason.value} without evidence")
        if event is None:
            return
        if event.evidence["candidates"] != [candidate.as_json() for candidate in decision.candidates]:
            self._say(f"{proxy_id}: epoch {event.epoch} has other evidence than it was decided by")
        if result.view.doubt is not None and decision.reason in BY_EVIDENCE:
            self._say(f"{proxy_id}: {name} doubts itself and makes epoch {event.epoch}")

    def told(self, node: SimulatedNode, plan: Plan) -> None:
        """The node is about to run this plan."""
        proxy_id, epoch = plan.proxy_id, plan.epoch
        runs = node.applied.get(proxy_id)
        if runs is not None and runs.epoch > epoch:
            self._say(f"{node.node_id} went from epoch {runs.epoch} of {proxy_id} back to {epoch}")
        if epoch > self._epochs[proxy_id]:
            self._say(f"{node.node_id} was told epoch {epoch} of {proxy_id}, which was never stored")
        first = _first(plan)
        if first is None:
            return
        active = self._actives.get((proxy_id, epoch))
        # Whoever is deleted serves no more; its standbys take over before the next epoch does. When all are down, all may
        # be sent to.
        is_to_all = plan.all_down is AllDown.SEND_TO_ALL and len(plan.tiers) == 1
        if first != active and self._store.instance(active) is not None and not is_to_all:
            self._say(
                f"{node.node_id} was told {first} in epoch {epoch} of {proxy_id}, whose active is {active}"
            )
        for other in self._nodes:
            theirs = other.applied.get(proxy_id)
            if other is node or theirs is None or not (plan.exclusive and theirs.exclusive):
                continue
            if theirs.epoch > epoch:
                # A process that has just begun knows no epoch, and a replica that is cut off serves what it last knew.
                continue
            if _first(theirs) not in {None, first}:
                self._say(f"{node.node_id} serves {first} while {other.node_id} serves {_first(theirs)}")

    def unrest(self, replicas: Sequence[SimulatedReplica]) -> Iterator[str]:
        """What is not yet as it should be once everything is mended."""
        yield from self._unfinished()
        yield from self._unheard(replicas)
        for proxy_id in self._store.proxy_ids:
            owners = [replica for replica in replicas if replica.owns(proxy_id)]
            if len(owners) != 1:
                yield f"{proxy_id} has {len(owners)} owners"
                continue
            fence = self._company.leases.fence(proxy_id)
            if fence is None or fence.replica_id != owners[0].replica_id:
                yield f"{owners[0].name} believes to own {proxy_id}; the lease is another's"
            now = owners[0].clock.now()
            if owners[0].would_act(proxy_id, self._store.safety(proxy_id, now)):
                yield f"{owners[0].name} has a move of {proxy_id} left to make"
            yield from self._overdue(owners[0].name, proxy_id, now)
            for replica in replicas:
                yield from self._misbelieved(replica, proxy_id)
            for node in self._nodes:
                yield from self._not_run(node, proxy_id)
        for node in self._nodes:
            for proxy_id in sorted(node.applied.keys() - set(self._store.proxy_ids)):
                yield f"{node.node_id} serves {proxy_id}, which was deleted"

    def _overdue(self, name: str, proxy_id: str, now: datetime) -> Iterator[str]:
        for instance in self._store.instances(proxy_id):
            order = instance.admin_order
            if order is not None and not order.lasts_beyond(now):
                yield f"{name} lets an order to {instance.name} of {proxy_id} stand beyond its end"
        for event in self._store.all_events.values():
            waits = event.status is not EventStatus.PENDING or (event.scheduled_at or now) > now
            if event.proxy_id == proxy_id and not waits:
                yield f"{name} has not made the move of {proxy_id} that is due"
        for drill in self._store.open_drills:
            waits = drill.status is DrillStatus.PENDING and now < (drill.scheduled_at or drill.created_at)
            if drill.proxy_id == proxy_id and not waits:
                yield f"{name} has not ended the drill of {proxy_id}, which is {drill.status.value}"

    def _unheard(self, replicas: Sequence[SimulatedReplica]) -> Iterator[str]:
        for replica in replicas:
            for standing in self._store.all_standings:
                if replica.standing(standing.scope) != standing:
                    yield f"{replica.name} does not know what is set in {standing.scope}"

    def _unfinished(self) -> Iterator[str]:
        for event in self._store.all_events.values():
            if event.status.is_open and event.status is not EventStatus.PENDING:
                yield f"{event.event_type.value} of {event.proxy_id}, epoch {event.epoch}, is open"
        for proxy_id, last in self._epochs.items():
            for epoch in range(1, last + 1):
                event_id = self._events.get((proxy_id, epoch))
                if event_id is None or event_id not in self._store.all_events:
                    yield f"epoch {epoch} of {proxy_id} has no event"
        if self._store.undelivered:
            yield f"{self._store.undelivered} messages were handed to nobody"

    def _misbelieved(self, replica: SimulatedReplica, proxy_id: str) -> Iterator[str]:
        believed, stored = replica.state(proxy_id), self._store.proxy(proxy_id)
        if believed is None:
            yield f"{replica.name} does not know {proxy_id}"
            return
        if believed.proxy != stored:
            yield f"{replica.name} believes {_told(believed)}; stored is {_epoch_of(stored.epoch, stored.active_instance_id)}"
        measured = {i.instance_id: (i.admin_state, i.health.state) for i in believed.instances.values()}
        theirs = {i.instance_id: (i.admin_state, i.health.state) for i in self._store.instances(proxy_id)}
        if measured != theirs:
            yield f"{replica.name} believes other instances of {proxy_id} than are stored: {measured} and {theirs}"
        ill = sorted(i.name for i in believed.instances.values() if i.health.state is not Health.HEALTHY)
        if ill:
            yield f"{replica.name} believes {ill} of {proxy_id} to be ill; every one is well"
        if believed.open_move is not None:
            yield f"{replica.name} believes a move of {proxy_id} to be open"

    def _not_run(self, node: SimulatedNode, proxy_id: str) -> Iterator[str]:
        stored, runs = self._store.proxy(proxy_id), node.applied.get(proxy_id)
        if runs is None or runs.epoch != stored.epoch:
            yield f"{node.node_id} runs epoch {runs.epoch if runs else None} of {proxy_id}; stored is {stored.epoch}"
        elif self._store.instance(stored.active_instance_id) and _first(runs) != stored.active_instance_id:
            yield f"{node.node_id} serves {_first(runs)} for {proxy_id}; stored is {stored.active_instance_id}"

    def _created(self, proxy_id: str) -> None:
        # One that was deleted goes on with its epoch, and without an active.
        epoch = self._store.proxy(proxy_id).epoch
        if epoch < self._epochs.get(proxy_id, 0):
            self._say(f"{proxy_id} came back with epoch {epoch}, and had {self._epochs[proxy_id]}")
        self._epochs[proxy_id] = epoch
        self._actives[proxy_id, epoch] = None

    def _proxy_id(self, method: str, subject: Any) -> str | None:
        match method:
            case "raise_epoch" | "delete_proxy":
                return str(subject)
            case "delete_instance":
                return self._store.home_of(subject)
            case "note_verified":
                event = self._store.all_events.get(subject)
                return None if event is None else event.proxy_id
            case _:
                return str(subject.proxy_id)

    def _check_fence(self, replica_id: UUID, method: str, proxy_id: str, fence: Fence | None) -> None:
        if fence is None:
            self._say(f"{method} on {proxy_id} came without a fence")
        elif fence.replica_id != replica_id or not self._company.leases.is_valid(proxy_id, fence):
            self._say(f"{method} on {proxy_id} was stored for a replica whose lease or session is over")

    def _check_move(self, change: Pass) -> None:
        if change.move is None:
            self._check_step(change.proxy_id, change.step)
            return
        self.moves += 1
        event, proxy_id = change.move.event, change.proxy_id
        before = self._epochs[proxy_id]
        if event.epoch != before + 1:
            self._say(f"{proxy_id}: a move took epoch {before} to {event.epoch}")
        if event.source_instance_id != self._actives.get((proxy_id, before)):
            self._say(f"{proxy_id}: the move of epoch {event.epoch} left another active than there was")
        if (proxy_id, event.epoch) in self._events:
            self._say(f"{proxy_id}: epoch {event.epoch} has two events")
        self._epochs[proxy_id] = event.epoch
        self._actives[proxy_id, event.epoch] = event.target_instance_id
        self._events[proxy_id, event.epoch] = event.event_id
        if sum(_is_under_way(e, proxy_id) for e in self._store.all_events.values()) > 1:
            self._say(f"{proxy_id}: two moves are open")
        self._check_target(event, forced=change.move.forced)
        self._check_quorum(event)
        self._check_trail(change, event)
        for closed in (change.move.superseded,):
            if closed is not None:
                self._check_closed(closed)

    def _check_step(self, proxy_id: str, step: Stepped | None) -> None:
        if step is not None:
            epoch = self._epochs[proxy_id] = step.seen_epoch + 1
            self._actives[proxy_id, epoch] = step.seen_active_instance_id
            self._events[proxy_id, epoch] = step.event.event_id

    def _check_target(self, event: FailoverEvent, *, forced: bool) -> None:
        proxy, target = (
            self._store.proxy(event.proxy_id),
            self._store.instance(event.target_instance_id),
        )
        if target is None:
            self._say(f"{event.proxy_id}: epoch {event.epoch} makes an instance active that is not there")
            return
        vetoes = set(lasting_vetoes(target, proxy.policy)) - (FORCIBLE if forced else set())
        if vetoes:
            words = ", ".join(sorted(vetoes))
            self._say(f"{event.proxy_id}: epoch {event.epoch} makes {target.name} active, which is {words}")
        candidates = {c["instanceId"]: c["vetoes"] for c in event.evidence["candidates"]}
        allowed = {Veto.DAMPED.value, Veto.FLAPPING.value} if event.trigger is Trigger.MANUAL else set()
        if forced:
            allowed |= {veto.value for veto in FORCIBLE}
        if not set(candidates.get(str(target.instance_id), ["not a candidate"])) <= allowed:
            self._say(f"{event.proxy_id}: the evidence of epoch {event.epoch} speaks against it")
        if event.event_type is EventType.FAILBACK:
            decided_at = event.stages.decided_at or event.created_at
            moves = self._store.moves_before(event)
            if damping_of(target, moves, proxy.policy, decided_at).vetoes:
                self._say(
                    f"{event.proxy_id}: epoch {event.epoch} fails back to {target.name}, which is damped"
                )

    def _check_quorum(self, event: FailoverEvent) -> None:
        quorum = self._store.proxy(event.proxy_id).policy.quorum
        if event.reason_code != Reason.ACTIVE_UNHEALTHY or quorum.agree <= 1:
            return
        if self._truth.was_well(event.source_instance_id) and self._truth.troubled <= 1:
            self._say(
                f"{event.proxy_id}: epoch {event.epoch} leaves an instance that is well, and one observer alone was blind"
            )

    def _check_trail(self, change: Pass, event: FailoverEvent) -> None:
        entries = [e.entry_id for e in change.trail.audit if e.subject_id == event.event_id]
        messages = [
            m.message_id
            for m in change.trail.messages
            if m.topic is Topic.MOVE_COMMITTED and m.payload["id"] == str(event.event_id)
        ]
        if len(entries) != 1 or entries[0] not in self._store.all_audit:
            self._say(f"{event.proxy_id}: epoch {event.epoch} has no audit entry")
        if len(messages) != 1 or messages[0] not in self._store.all_messages:
            self._say(f"{event.proxy_id}: epoch {event.epoch} has no message")

    def _check_closed(self, event: FailoverEvent) -> None:
        stored = self._store.all_events[event.event_id]
        before = self._closed.setdefault(event.event_id, stored.status)
        if stored.status is not before:
            self._say(
                f"{event.proxy_id}: epoch {event.epoch} was {before.value}, and is {stored.status.value}"
            )

    def _say(self, words: str) -> None:
        self.violations.append(words)


def _is_under_way(event: FailoverEvent, proxy_id: str) -> bool:
    is_move = event.event_type is not EventType.RECOVERY
    return is_move and event.proxy_id == proxy_id and event.status is EventStatus.IN_PROGRESS


def _first(plan: Plan) -> UUID | None:
    return plan.tiers[0][0].instance_id if plan.tiers else None


def _told(state: ProxyState) -> str:
    return _epoch_of(state.proxy.epoch, state.proxy.active_instance_id)


def _epoch_of(epoch: int, active: UUID | None) -> str:
    return f"epoch {epoch} with active {active}"
