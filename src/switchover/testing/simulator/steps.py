"""What may happen next: what people do, and the table of all steps; `faults.py` has what machines and the network do."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from switchover.model.errors import SwitchoverError
from switchover.model.instance import Instance
from switchover.testing.simulator.faults import (
    clock_jumps,
    node_goes,
    node_moves,
    node_refuses,
    node_restarts,
    nodes_are_cut,
    nodes_are_mended,
    replica_is_killed,
    replica_pauses,
    replica_starts,
    replica_stops,
    replica_wakes,
    sight_goes,
    sight_returns,
    store_goes,
    store_is_cut,
    store_returns,
    traffic,
)
from switchover.testing.simulator.replica import SimulatedReplica

if TYPE_CHECKING:
    from switchover.testing.simulator.simulation import Simulation

Order = Callable[[SimulatedReplica], Coroutine[Any, Any, object]]
"""What somebody asks of a replica."""

MOST_INSTANCES = 4
PROXY_IDS = ("web", "db", "api")

Step = Callable[["Simulation"], str | None]
"""Does it and says what was done; None when there was nothing to do it to."""


def instance_fails(world: "Simulation") -> str | None:
    """A server dies or hangs; the active one more often than others."""
    instance = some_instance(world, active=0.6)
    if instance is None:
        return None
    world.instances.dead.discard(instance.instance_id)
    world.instances.hung.discard(instance.instance_id)
    if world.dice.happens(0.3):
        world.instances.hung.add(instance.instance_id)
        return f"{instance.proxy_id}/{instance.name} hangs"
    world.instances.dead.add(instance.instance_id)
    return f"{instance.proxy_id}/{instance.name} dies"


def instance_returns(world: "Simulation") -> str | None:
    """A server is well again."""
    ill = sorted(world.instances.dead | world.instances.hung)
    if not ill:
        return None
    instance_id = world.dice.pick(ill)
    world.instances.dead.discard(instance_id)
    world.instances.hung.discard(instance_id)
    return f"instance {instance_id} returns"


def report(world: "Simulation") -> str | None:
    """Somebody reports an instance's health."""
    instance = some_instance(world, active=0.5)
    if instance is None:
        return None
    world.truth.reported(instance.instance_id)
    verdict = world.dice.pick(("healthy", "unhealthy", "unhealthy", "unknown"))
    return ask(
        world,
        instance.proxy_id,
        f"reports {instance.name} {verdict}",
        lambda r: r.service.update_instance_health(instance.instance_id, verdict),
    )


def move(world: "Simulation") -> str | None:
    """An operator orders a move."""
    proxy_id = world.dice.pick(world.proxy_ids)
    instances = world.company.store.instances(proxy_id)
    active = world.company.store.proxy(proxy_id).active_instance_id
    if not instances:
        return None
    target = world.dice.pick(instances)
    if active is not None and world.dice.happens(0.5):
        return ask(
            world,
            proxy_id,
            f"executes a move to {target.name}",
            lambda r: r.service.execute_failover(proxy_id, active, target.instance_id),
        )
    wanted = target.instance_id if world.dice.happens(0.6) else None
    return ask(world, proxy_id, "switches over", lambda r: r.service.switch_over(proxy_id, wanted))


def order(world: "Simulation") -> str | None:
    """An operator drains an instance, or takes it back."""
    instance = some_instance(world, active=0.4)
    if instance is None:
        return None
    ordered = world.dice.pick(("ready", "ready", "drain", "maintenance"))
    return ask(
        world,
        instance.proxy_id,
        f"orders {instance.name} {ordered}",
        lambda r: r.service.set_admin_state(instance.instance_id, ordered),
    )


def port_of(proxy_id: str) -> int:
    """Where a proxy listens."""
    return 10000 + PROXY_IDS.index(proxy_id)


def create(world: "Simulation") -> str | None:
    """Somebody creates a proxy, or one again that was deleted."""
    missing = [proxy_id for proxy_id in PROXY_IDS if proxy_id not in world.proxy_ids]
    if not missing:
        return None
    proxy_id = missing[0]
    config: dict[str, object] = {
        "healthCheckIntervalSeconds": 4,
        "switchTimeoutSeconds": 3,
        "listener": {"port": port_of(proxy_id)},
    }
    return ask(
        world,
        proxy_id,
        "creates it",
        lambda r: r.service.create_failover_configuration(proxy_id, "alice", config),
    )


def delete(world: "Simulation") -> str | None:
    """Somebody deletes a proxy, but for the first."""
    proxy_id = world.dice.pick(world.proxy_ids)
    if proxy_id == PROXY_IDS[0]:
        return None
    return ask(world, proxy_id, "deletes it", lambda r: r.service.delete_proxy(proxy_id))


def register(world: "Simulation") -> str | None:
    """Somebody adds an instance."""
    proxy_id = world.dice.pick(world.proxy_ids)
    if len(world.company.store.instances(proxy_id)) >= MOST_INSTANCES:
        return None
    data = world.new_instance()
    return ask(
        world,
        proxy_id,
        f"registers {data['instanceName']}",
        lambda r: r.service.register_proxy_instance(proxy_id, data),
    )


def deregister(world: "Simulation") -> str | None:
    """Somebody deletes an instance, but for the last two."""
    instance = some_instance(world, active=0.3)
    if instance is None or len(world.company.store.instances(instance.proxy_id)) <= 2:  # noqa: PLR2004
        return None
    return ask(
        world,
        instance.proxy_id,
        f"deletes {instance.name}",
        lambda r: r.service.delete_instance(instance.instance_id),
    )


def change_policy(world: "Simulation") -> str | None:
    """Somebody changes the policy."""
    proxy_id = world.dice.pick(world.proxy_ids)
    changes: tuple[dict[str, object], ...] = (
        {"unhealthyThreshold": world.dice.pick((1, 2, 3))},
        {"maxFailbacks": world.dice.pick((0, 1, 2))},
        {"enableAutoFailover": world.dice.happens(0.7)},
        {"failoverStrategy": world.dice.pick(("priority", "priority", "round_robin"))},
        {"flapDamping": {"suppressLimit": world.dice.pick((1.5, 3)), "enabled": world.dice.happens(0.8)}},
        {"minDwellSeconds": world.dice.pick((0, 1, 10))},
        {"failback": world.dice.pick((None, "manual", "never", "automatic"))},
        {"allDown": world.dice.pick(("keep_last", "send_to_all", "fail_fast"))},
    )
    config = world.dice.pick(changes)
    return ask(
        world,
        proxy_id,
        f"configures {config}",
        lambda r: r.service.create_failover_configuration(proxy_id, "alice", config),
    )


def unpin(world: "Simulation") -> str | None:
    """Somebody takes the pin off."""
    proxy_id = world.dice.pick(world.proxy_ids)
    if world.company.store.proxy(proxy_id).pinned_instance_id is None:
        return None
    return ask(world, proxy_id, "unpins", lambda r: r.service.unpin(proxy_id))


def undamp(world: "Simulation") -> str | None:
    """Somebody clears an instance's damping."""
    instance = some_instance(world, active=0.1)
    if instance is None:
        return None
    return ask(
        world,
        instance.proxy_id,
        f"undamps {instance.name}",
        lambda r: r.service.undamp(instance.instance_id),
    )


def complete(world: "Simulation") -> str | None:
    """An operator closes an open event."""
    open_moves = [e for e in world.company.store.all_events.values() if e.status.is_open]
    if not open_moves:
        return None
    event, status = world.dice.pick(open_moves), world.dice.pick(("completed", "failed"))
    return ask(
        world,
        event.proxy_id,
        f"says that epoch {event.epoch} {status}",
        lambda r: r.service.complete_failover_event(event.event_id, status),
    )


STEPS: tuple[tuple[float, Step], ...] = (
    (10, instance_fails),
    (8, instance_returns),
    (3, report),
    (6, move),
    (4, order),
    (1, create),
    (1, delete),
    (4, register),
    (2, deregister),
    (2, change_policy),
    (2, unpin),
    (1, undamp),
    (1, complete),
    (5, replica_starts),
    (3, replica_is_killed),
    (2, replica_stops),
    (4, replica_pauses),
    (4, replica_wakes),
    (3, store_is_cut),
    (1, store_goes),
    (4, store_returns),
    (2, nodes_are_cut),
    (2, nodes_are_mended),
    (5, node_moves),
    (2, node_goes),
    (1, node_restarts),
    (2, node_refuses),
    (2, clock_jumps),
    (3, traffic),
)

OBSERVING_STEPS: tuple[tuple[float, Step], ...] = (*STEPS, (12, sight_goes), (4, sight_returns))
"""What may happen where several replicas look at the same instances, or have reference targets."""


def some_instance(world: "Simulation", *, active: float) -> Instance | None:
    """An instance of some proxy; the active one with the probability `active` at least."""
    store, proxy_id = world.company.store, world.dice.pick(world.proxy_ids)
    chosen = store.instance(store.proxy(proxy_id).active_instance_id)
    if chosen is not None and world.dice.happens(active):
        return chosen
    instances = store.instances(proxy_id)
    return world.dice.pick(instances) if instances else None


def ask(
    world: "Simulation",
    proxy_id: str,
    words: str,
    order: Order,
) -> str | None:
    """Give an order to a replica's API: mostly to the proxy's owner, as a client does who is told whose it is."""
    ready = [replica for replica in world.replicas if replica.is_ready]
    if not ready:
        return None
    owners = [replica for replica in ready if replica.owns(proxy_id)]
    replica = world.dice.pick(owners if owners and world.dice.happens(0.9) else ready)
    _give(world, replica, words, order)
    return f"somebody {words} of {proxy_id} at {replica.name}"


def ask_somebody(world: "Simulation", words: str, order: Order, scope: str = "") -> str | None:
    """Give an order that concerns a whole scope to the API of any replica."""
    kind, _, proxy_id = scope.partition(":")
    if kind == "proxy":
        return ask(world, proxy_id, words, order)
    ready = [replica for replica in world.replicas if replica.is_ready]
    if not ready:
        return None
    replica = world.dice.pick(ready)
    _give(world, replica, words, order)
    return f"somebody {words} at {replica.name}"


def _give(world: "Simulation", replica: SimulatedReplica, words: str, order: Order) -> None:
    async def given() -> None:
        try:
            await order(replica)
        except SwitchoverError as error:
            world.note(f"  {replica.name} answers: {error}")
        else:
            world.note(f"  {replica.name} did it: {words}")

    replica.do(given())
