"""One schedule from one seed: begin, let things happen, mend everything, wait for rest."""

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import structlog

from switchover.control.selfwatch import SelfDoubt
from switchover.model.address import Address
from switchover.model.instance import Instance
from switchover.model.policy import FailoverPolicy, Listener
from switchover.model.proxy import Proxy
from switchover.model.quorum import Quorum
from switchover.testing.clock import CountingIds
from switchover.testing.simulator.bounding import BOUNDING_STEPS, begin, policy
from switchover.testing.simulator.clock import BEGINNING
from switchover.testing.simulator.company import SimulatedCompany, SimulatedStore
from switchover.testing.simulator.dice import Dice
from switchover.testing.simulator.faults import MOST_REPLICAS
from switchover.testing.simulator.node import NodeDriver, SimulatedNode
from switchover.testing.simulator.prober import Instances
from switchover.testing.simulator.replica import Process, SimulatedReplica, Surroundings
from switchover.testing.simulator.steps import OBSERVING_STEPS, PROXY_IDS, STEPS, port_of
from switchover.testing.simulator.time import BusyForEver, SimulatedTime
from switchover.testing.simulator.truth import Truth
from switchover.testing.simulator.wire import at_once
from switchover.testing.simulator.witness import Witness

_NETWORK = 0x5DEECE66D
"""Makes of a seed another one for the network, so that a change there leaves the schedule's first steps as they are."""

FEWEST_STEPS, MOST_STEPS = 5, 14
_PAUSES = ((4, (0.0, 0.3)), (5, (0.3, 1.2)), (1, (1.2, 6.0)))
"""How long the world goes on after a step, in seconds, and how often: within a commit, a probe or two, a lost session."""

_KINDS = 0x9E3779B9
"""Makes of a seed what kind of world it is, so that schedules of the plain kind stay what they were."""


class Kind(Enum):
    """What is special about a world."""

    BOUNDED = ", people bound automation"
    PLAIN = ""
    QUORUM = ", 2 of 3 observers must agree"
    REFERENCES = ", with reference targets"


_KINDS_OF_WORLDS = ((30.0, Kind.BOUNDED), (52.0, Kind.PLAIN), (14.0, Kind.QUORUM), (4.0, Kind.REFERENCES))
_MOST_STEPS_OF_WORLDS = {Kind.BOUNDED: 10}
"""Where instances blink more happens between two steps."""
_STEPS_OF_WORLDS = {Kind.PLAIN: STEPS, Kind.BOUNDED: BOUNDING_STEPS}
_QUORUM = Quorum(observers=3, agree=2)
_REFERENCES = (Address(host="192.0.2.1", port=443), Address(host="192.0.2.2", port=443))

QUIET_SECONDS = 90.0
"""How long it may take at the most until everything is as it should be: an ended session, growing pauses, polls."""
_LOOK_SECONDS = 0.5
_STILL_SECONDS = 1.0

_POLICY: dict[str, Any] = {
    "health_check_interval_seconds": 4.0,
    "given_timeout_seconds": 1.0,
    "given_fast_interval_seconds": 1.0,
    "given_failback_hold_down_seconds": 2.0,
    "unhealthy_threshold": 2,
    "healthy_threshold": 2,
    "switch_timeout_seconds": 3.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """What one schedule came to.

    Attributes:
        seed: Which.
        violations: What should not have been; empty when all is well.
        trace: Everything that happened, one line each, with the seconds before it.
        moves: How many moves were committed.
        blocked: How many moves were blocked by a pause or a safety rule.
        seconds: How long it lasted in simulated time.
    """

    seed: int
    violations: tuple[str, ...]
    trace: tuple[str, ...]
    moves: int
    blocked: int
    seconds: float

    def __str__(self) -> str:
        return "\n".join(
            (
                *self.trace,
                f"Seed {self.seed}, after {self.seconds:.3f} s, which is not how it should be:",
                *(f"  {violation}" for violation in self.violations),
                f"Again: python bench/soak.py --seed {self.seed}",
            )
        )


def kind_of(seed: int) -> Kind:
    """What kind of world the schedule of `seed` is in."""
    return Dice(seed ^ _KINDS).weighted(_KINDS_OF_WORLDS)


def simulate(
    seed: int, *, store: type[SimulatedStore] = SimulatedStore, driver: type[NodeDriver] = NodeDriver
) -> Simulated:
    """Run the schedule of `seed` to its end, or to the first violation.

    Args:
        seed: Any whole number; the same one is the same schedule.
        store: What kind of store the replicas share.
        driver: What kind of driver each replica has for each node.
    """
    before = structlog.get_config()
    world = Simulation(seed, store=store, driver=driver)
    structlog.configure(
        processors=[world.heard], wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR)
    )
    try:
        world.run()
    finally:
        world.bury()
        structlog.configure(**before)
    return Simulated(
        seed=seed,
        violations=tuple(world.witness.violations),
        trace=tuple(world.trace),
        moves=world.witness.moves,
        blocked=world.witness.bounds.blocked,
        seconds=world.time.now,
    )


class Simulation:
    """The world of one schedule.

    Attributes:
        dice: Decides what happens next.
        trace: What has happened.
        away: Nodes that stay away until they move.
    """

    def __init__(self, seed: int, *, store: type[SimulatedStore], driver: type[NodeDriver]) -> None:
        self.dice = Dice(seed)
        self._kind = kind_of(seed)
        network = Dice(seed ^ _NETWORK)
        self.time = SimulatedTime(network)
        self.company = SimulatedCompany(self.time, network, store)
        self.instances = Instances()
        self.truth = Truth(self.time, self.instances)
        self.witness = Witness(self.company, self.truth)
        self.trace: list[str] = []
        self.away: set[str] = set()
        self.replicas: list[SimulatedReplica] = []
        self.nodes = [
            SimulatedNode(
                f"edge-{number}", time=self.time, dice=network, told=self._told, lost=self.reconnect_later
            )
            for number in range(1, self.dice.pick((1, 2, 2)) + 1)
        ]
        self._around = Surroundings(
            time=self.time,
            dice=network,
            company=self.company,
            instances=self.instances,
            nodes=self.nodes,
            ids=CountingIds(),
            stored=self.witness.stored,
            driver=driver,
            losses=self.dice.pick((0.0, 0.01, 0.05)),
            decided=self.witness.decided,
            doubting=SelfDoubt(references=_REFERENCES if self._kind is Kind.REFERENCES else ()),
        )
        self._instance_count = 0

    def run(self) -> None:
        """Everything; ends early when something should not have been."""
        try:
            self._begin()
            for _ in range(
                int(self.dice.uniform(FEWEST_STEPS, _MOST_STEPS_OF_WORLDS.get(self._kind, MOST_STEPS)))
            ):
                if self._is_violated():
                    return
                self._step()
            self._mend()
            self._rest()
        except BusyForEver as found:
            self.witness.violations.append(str(found))
        self._is_violated()

    def note(self, words: str) -> None:
        """Add to the trace."""
        self.trace.append(f"{self.time.now:9.3f}  {words}")

    def heard(self, logger: object, method: str, entry: MutableMapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002
        """Take note of an error that the code did not expect, and let nothing be written."""
        if entry.get("exc_info"):
            error = sys.exc_info()[1]
            self.witness.violations.append(f"{entry.get('event')}: {type(error).__name__}: {error}")
            self.trace += traceback.format_exc().splitlines()
        raise structlog.DropEvent

    def start_replica(self) -> SimulatedReplica:
        """One more process."""
        replica = SimulatedReplica(f"r{len(self.replicas) + 1}", self._around)
        self.replicas.append(replica)
        return replica

    @property
    def proxy_ids(self) -> Sequence[str]:
        """The proxies that there are; the first of them is never deleted."""
        return self.company.store.proxy_ids

    def new_instance(self) -> dict[str, Any]:
        """What somebody says who registers an instance."""
        self._instance_count += 1
        number = self._instance_count
        return {
            "instanceName": f"i{number}",
            "priority": self.dice.pick((10, 20, 30)),
            "address": f"127.0.0.1:{9000 + number}",
        }

    def connect(self, node: SimulatedNode) -> None:
        """Let a node go to some replica that can be reached, unless it is away."""
        reachable = [replica for replica in self.replicas if replica.is_up and not replica.off_nodes]
        if node.node_id in self.away:
            return
        if not reachable:
            node.disconnect()
            self.reconnect_later(node)
            return
        replica = self.dice.pick(reachable)
        self.note(f"  {node.node_id} listens to {replica.name}")
        node.connect(replica.drivers[node.node_id])

    def reconnect_later(self, node: SimulatedNode) -> None:
        """Let a node look for another replica in a while."""
        self.time.later(self.dice.uniform(0.1, 2.0), self.connect, node)

    def lose_nodes(self, replica: SimulatedReplica) -> None:
        """Every node of a replica hangs up and looks for another."""
        for node in self.nodes:
            if node.stream is not None and node.stream.driver is replica.drivers[node.node_id]:
                node.disconnect()
                self.reconnect_later(node)

    def mend_nodes(self, replica: SimulatedReplica) -> None:
        """Nodes reach the replica again; streams that were stalled break."""
        replica.off_nodes = False
        for node in self.nodes:
            if node.stream is not None and node.stream.stalled:
                node.disconnect()
                self.reconnect_later(node)

    def bury(self) -> None:
        """Let every process end, unseen."""
        for _ in range(20):
            alive = [replica for replica in self.replicas if replica.bury()]
            if not alive:
                break
            self.time.advance(5)

    def _begin(self) -> None:
        exclusive, now = self.dice.happens(0.25), BEGINNING
        for proxy_id in PROXY_IDS[: self.dice.pick((1, 1, 1, 2))]:
            bounded = policy(self) if self._kind is Kind.BOUNDED else {}
            settings = FailoverPolicy(
                **{**_POLICY, **bounded},
                listener=Listener(port=port_of(proxy_id)),
                exclusive=exclusive,
                max_failbacks=self.dice.pick((1, 2)),
                quorum=_QUORUM if self._kind is Kind.QUORUM else Quorum(),
            )
            proxy = Proxy(
                proxy_id=proxy_id, owner_id="alice", policy=settings, created_at=now, updated_at=now
            )
            at_once(self.company.store.create_proxy(proxy))
            for _ in range(self.dice.pick((2, 3))):
                data = self.new_instance()
                host, port = data["address"].split(":")
                instance = Instance(
                    instance_id=self._around.ids(),
                    proxy_id=proxy_id,
                    name=data["instanceName"],
                    priority=data["priority"],
                    address=Address(host=host, port=int(port)),
                    resolved_host=host,
                    created_at=now,
                )
                at_once(self.company.store.add_instance(instance))
        if self._kind is Kind.BOUNDED:
            begin(self)
        self.witness.watch(self.nodes)
        replicas = self.dice.pick((2, 2, 2, 3))
        for _ in range(MOST_REPLICAS if self._kind is Kind.QUORUM else replicas):
            self.start_replica()
        for node in self.nodes:
            self.connect(node)
        self.note(
            f"{len(self.replicas)} replicas, {len(self.nodes)} nodes, {len(self.proxy_ids)} proxies"
            f"{', exclusive' if exclusive else ''}{self._kind.value}"
        )
        self.time.advance(self.dice.uniform(0, 3))

    def _step(self) -> None:
        self.truth.note(self.replicas)
        words = self.dice.weighted(_STEPS_OF_WORLDS.get(self._kind, OBSERVING_STEPS))(self)
        self.truth.note(self.replicas)
        if words is not None:
            self.note(words)
        shortest, longest = self.dice.weighted(_PAUSES)
        self.time.advance(self.dice.uniform(shortest, longest))

    def _mend(self) -> None:
        self.note("everything is mended")
        self.truth.note(self.replicas)
        self.company.calm = True
        self.instances.dead.clear()
        self.instances.hung.clear()
        self.away.clear()
        if not any(replica.is_up for replica in self.replicas):
            self.start_replica()
        for replica in self.replicas:
            if not replica.is_up:
                continue
            replica.wire.calm = replica.prober.calm = True
            replica.off_nodes = replica.prober.blind = False
            if replica.process is Process.PAUSED:
                replica.wake()
            if replica.wire.cut:
                replica.cut(cut=False)
        for node in self.nodes:
            node.calm = True
            node.rejects.clear()
            if node.stream is None or node.stream.stalled:
                self.connect(node)

    def _rest(self) -> None:
        end = self.time.now + QUIET_SECONDS
        while True:
            self.time.advance(_LOOK_SECONDS)
            if self._is_violated():
                return
            up = [replica for replica in self.replicas if replica.is_up]
            if not up:
                # The last one was asked to end before everything was mended.
                self.start_replica()
                continue
            unrest = next(self.witness.unrest(up), None)
            if unrest is None:
                self.time.advance(_STILL_SECONDS)
                unrest = next(self.witness.unrest(up), None)
                if unrest is None:
                    return
            if self.time.now >= end:
                self.witness.violations += self.witness.unrest(up)
                return

    def _is_violated(self) -> bool:
        for replica in self.replicas:
            trouble = replica.trouble()
            if trouble is not None:
                self.witness.violations.append(trouble)
            elif replica.process is Process.ENDED:
                self.lose_nodes(replica)
        return bool(self.witness.violations)

    def _told(self, node: SimulatedNode, plan: Any) -> None:
        first = plan.tiers[0][0].instance_id.int & 0xFFF if plan.tiers else "nobody"
        self.note(f"  {node.node_id} serves {first} for {plan.proxy_id}, epoch {plan.epoch}")
        self.witness.told(node, plan)
