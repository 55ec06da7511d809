"""What machines and the network do, of themselves."""

from typing import TYPE_CHECKING

from switchover.testing.simulator.replica import Process, SimulatedReplica

if TYPE_CHECKING:
    from switchover.testing.simulator.simulation import Simulation

MOST_REPLICAS = 3


def replica_starts(world: "Simulation") -> str | None:
    """A process is started."""
    if sum(replica.is_up for replica in world.replicas) >= MOST_REPLICAS:
        return None
    return f"{world.start_replica().name} starts"


def replica_is_killed(world: "Simulation") -> str | None:
    """A process is gone at once; an owner more often than others."""
    replica = _replica(world)
    if replica is None:
        return None
    replica.kill()
    world.lose_nodes(replica)
    return f"{replica.name} is killed"


def replica_stops(world: "Simulation") -> str | None:
    """A process is asked to end."""
    replica = _replica(world)
    if replica is None or not replica.is_ready:
        return None
    replica.stop()
    return f"{replica.name} is stopped"


def replica_pauses(world: "Simulation") -> str | None:
    """A process stands still."""
    replica = _replica(world)
    if replica is None or replica.process is Process.PAUSED:
        return None
    replica.pause()
    if world.dice.happens(0.5):
        world.lose_nodes(replica)
    return f"{replica.name} is paused"


def replica_wakes(world: "Simulation") -> str | None:
    """A paused process goes on."""
    paused = [replica for replica in world.replicas if replica.process is Process.PAUSED]
    if not paused:
        return None
    replica = world.dice.pick(paused)
    replica.wake()
    return f"{replica.name} wakes"


def store_is_cut(world: "Simulation") -> str | None:
    """A replica is cut from the store."""
    replica = _replica(world)
    if replica is None or replica.wire.cut:
        return None
    replica.cut(cut=True)
    return f"{replica.name} is cut from the store"


def store_goes(world: "Simulation") -> str | None:
    """Nobody reaches the store."""
    for replica in world.replicas:
        if replica.is_up:
            replica.cut(cut=True)
    return "the store goes away"


def store_returns(world: "Simulation") -> str | None:
    """Everybody reaches the store again."""
    cut = [replica for replica in world.replicas if replica.is_up and replica.wire.cut]
    for replica in cut:
        replica.cut(cut=False)
    return "the store is back" if cut else None


def nodes_are_cut(world: "Simulation") -> str | None:
    """What goes between a replica and its nodes is lost; nodes notice after a while, or do not."""
    replica = _replica(world)
    if replica is None or replica.off_nodes:
        return None
    replica.off_nodes = True
    for node in world.nodes:
        if node.stream is not None and node.stream.driver is replica.drivers[node.node_id]:
            node.stream.stalled = True
            if world.dice.happens(0.7):
                world.reconnect_later(node)
    return f"{replica.name} is cut from the nodes"


def nodes_are_mended(world: "Simulation") -> str | None:
    """A replica can be reached by nodes again."""
    cut = [replica for replica in world.replicas if replica.is_up and replica.off_nodes]
    for replica in cut:
        world.mend_nodes(replica)
    return "nodes reach every replica" if cut else None


def node_moves(world: "Simulation") -> str | None:
    """A node goes to some replica."""
    node = world.dice.pick(world.nodes)
    world.away.discard(node.node_id)
    world.connect(node)
    return f"{node.node_id} moves"


def node_goes(world: "Simulation") -> str | None:
    """A node is away, and serves on."""
    node = world.dice.pick(world.nodes)
    node.disconnect()
    world.away.add(node.node_id)
    return f"{node.node_id} goes away"


def node_restarts(world: "Simulation") -> str | None:
    """A node is a new process."""
    node = world.dice.pick(world.nodes)
    node.restart()
    world.reconnect_later(node)
    return f"{node.node_id} restarts"


def node_refuses(world: "Simulation") -> str | None:
    """A node refuses the plans of a proxy, or no longer does."""
    node, proxy_id = world.dice.pick(world.nodes), world.dice.pick(world.proxy_ids)
    node.rejects ^= {proxy_id}
    return f"{node.node_id} {'refuses' if proxy_id in node.rejects else 'takes'} {proxy_id}"


def clock_jumps(world: "Simulation") -> str | None:
    """Somebody sets a replica's wall clock."""
    replica = _replica(world)
    if replica is None:
        return None
    far = world.dice.happens(0.1)
    seconds = world.dice.uniform(-7200, 7200) if far else world.dice.uniform(-30, 30)
    replica.clock.jump(seconds)
    return f"the clock of {replica.name} jumps by {seconds:.1f} s"


def sight_goes(world: "Simulation") -> str | None:
    """A replica reaches no instance any more."""
    replica = _replica(world)
    if replica is None or any(each.prober.blind for each in world.replicas if each.is_up):
        return None
    replica.prober.blind = True
    return f"{replica.name} goes blind"


def sight_returns(world: "Simulation") -> str | None:
    """Whoever was blind sees again."""
    blind = [replica for replica in world.replicas if replica.is_up and replica.prober.blind]
    for replica in blind:
        replica.prober.blind = False
    return "everybody sees again" if blind else None


def traffic(world: "Simulation") -> str | None:
    """Nodes tell what they carried."""
    for node in world.nodes:
        node.account()
    return "nodes tell of their traffic"


def _replica(world: "Simulation") -> SimulatedReplica | None:
    up = [replica for replica in world.replicas if replica.is_up]
    if not up:
        return None
    owners = [replica for replica in up if any(replica.owns(proxy_id) for proxy_id in world.proxy_ids)]
    return world.dice.pick(owners if owners and world.dice.happens(0.6) else up)
