"""What people do to automation: pauses, rules, gates, freezes, orders that end, orders for later, force and drills.

And what automation is to be bounded against: instances that blink.
"""

from collections.abc import Coroutine
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from switchover.control.documents.rules import parse_scope
from switchover.model.recovery import RecoveryAction, RecoveryActionType
from switchover.model.rules import FLEET, MoveLimit, SafetyRules
from switchover.testing.simulator.clock import BEGINNING
from switchover.testing.simulator.replica import RECOVERY_COMMAND, SimulatedReplica
from switchover.testing.simulator.steps import STEPS, Step, ask, ask_somebody, some_instance
from switchover.testing.simulator.wire import at_once

if TYPE_CHECKING:
    from switchover.testing.simulator.simulation import Simulation

_WHY = {"reason": "The schedule says so"}
_REVIVE = RecoveryAction(type=RecoveryActionType.COMMAND, command=RECOVERY_COMMAND)
_GATES = ("open", "fleet/open")


def instance_blinks(world: "Simulation") -> str | None:
    """A server dies and returns, again and again; the active one more often than others."""
    instance = some_instance(world, active=0.6)
    if instance is None:
        return None
    period = world.dice.pick((1.2, 2.0, 3.0))
    until = world.time.now + world.dice.uniform(5, 20)
    _blink(world, instance.instance_id, period, until)
    return f"{instance.proxy_id}/{instance.name} blinks each {period:g} s"


def _blink(world: "Simulation", instance_id: UUID, period: float, until: float) -> None:
    if world.company.calm:
        return
    world.truth.note(world.replicas)
    if world.time.now >= until:
        world.instances.dead.discard(instance_id)
        return
    world.instances.dead ^= {instance_id}
    world.truth.note(world.replicas)
    world.time.later(period, _blink, world, instance_id, period, until)


def begin(world: "Simulation") -> None:
    """Let something be bounded from the beginning, and somebody to be bounded."""
    limit = MoveLimit(moves=world.dice.pick((1, 2)), window_seconds=world.dice.pick((10.0, 30.0)))
    if world.dice.happens(0.3):
        at_once(world.company.store.save_rules(FLEET, SafetyRules(move_limit=limit)))
    for proxy_id in world.proxy_ids:
        for instance in world.company.store.instances(proxy_id):
            if world.dice.happens(0.6):
                _blink(world, instance.instance_id, world.dice.uniform(1.0, 4.0), 15.0)


def policy(world: "Simulation") -> dict[str, Any]:
    """What a proxy has whose instances blink: quick verdicts, and some bounds."""
    dice = world.dice
    limits = (None, None, MoveLimit(moves=1, window_seconds=10), MoveLimit(moves=2, window_seconds=30))
    return {
        "health_check_interval_seconds": 3.0,
        "given_fast_interval_seconds": 0.5,
        "given_timeout_seconds": 0.5,
        "given_failback_hold_down_seconds": 0.5,
        "unhealthy_threshold": dice.pick((1, 2)),
        "healthy_threshold": 1,
        "min_dwell_seconds": dice.pick((0.0, 1.0, 3.0, 10.0)),
        "recovery_action": dice.pick((RecoveryAction(), RecoveryAction(), _REVIVE)),
        "max_recovery_attempts": 2,
        "recovery_backoff_seconds": 1.0,
        "rules": SafetyRules(move_limit=dice.pick(limits), min_serving=dice.pick((None, None, 1))),
    }


def pause(world: "Simulation") -> str | None:
    """Somebody stops automation, for a while or until it is resumed."""
    scope = _scope(world)
    said = {**_WHY, **world.dice.pick(({}, {}, {"forSeconds": 2}, {"forSeconds": 8}))}
    bounds = world.witness.bounds

    async def paused(replica: SimulatedReplica) -> None:
        asked = bounds.asked(parse_scope(scope, "alice"))
        standing = await replica.service.pause_automation(scope, said)
        bounds.paused(standing, asked)

    return ask_somebody(world, f"pauses {scope} {said.get('forSeconds', 'for ever')}", paused)


def resume(world: "Simulation") -> str | None:
    """Somebody lets automation run again."""
    paused = sorted(str(standing.scope) for standing in world.company.store.all_standings if standing.pause)
    if not paused:
        return None
    scope = world.dice.pick(paused)
    bounds = world.witness.bounds

    async def resumed(replica: SimulatedReplica) -> None:
        bounds.asked(parse_scope(scope, "alice"))
        await replica.service.resume_automation(scope)

    return ask_somebody(world, f"resumes {scope}", resumed)


def set_rules(world: "Simulation") -> str | None:
    """Somebody sets the rules of a scope, or takes them away."""
    scope, dice = _scope(world), world.dice
    now = BEGINNING + timedelta(seconds=world.time.now)
    begins, ends = now + timedelta(seconds=dice.uniform(-2, 3)), now + timedelta(seconds=dice.uniform(4, 9))
    freeze = {"name": "f", "startsAt": begins.isoformat(), "endsAt": ends.isoformat()}
    choices: tuple[dict[str, object], ...] = (
        {},
        {"minServing": dice.pick((1, 2, 3))},
        {"moveLimit": _move_limit(world)},
        {"moveLimit": _move_limit(world)},
        {"gates": [dice.pick(_GATES)]},
        {"freezes": [freeze]},
    )
    rules = dice.pick(choices)
    return ask_somebody(
        world, f"sets rules of {scope} {rules}", lambda r: r.service.set_safety_rules(scope, rules), scope
    )


def set_gate(world: "Simulation") -> str | None:
    """Somebody turns a gate on or off."""
    scope = world.dice.pick(("fleet", "user:alice"))
    said = {"isOn": world.dice.happens(0.6)}
    return ask_somebody(
        world, f"sets the gate of {scope} {said}", lambda r: r.service.set_gate(scope, "open", said)
    )


def order_for_a_while(world: "Simulation") -> str | None:
    """An operator orders something about an instance that ends by itself."""
    instance = some_instance(world, active=0.5)
    if instance is None:
        return None
    ordered, seconds = world.dice.pick(("ready", "drain", "maintenance")), world.dice.pick((1, 3, 6))
    return ask(
        world,
        instance.proxy_id,
        f"orders {instance.name} {ordered} for {seconds} s",
        lambda r: r.service.set_admin_state(
            instance.instance_id, ordered, expires_in_seconds=seconds, drain_timeout_seconds=2
        ),
    )


def schedule(world: "Simulation") -> str | None:
    """An operator orders a move for later."""
    proxy_id, seconds = world.dice.pick(world.proxy_ids), world.dice.uniform(0.5, 8)
    force = world.dice.happens(0.2)
    return ask(
        world,
        proxy_id,
        f"schedules a move in {seconds:.1f} s{', forced' if force else ''}",
        lambda r: r.service.switch_over(
            proxy_id,
            reason="planned",
            scheduled_for=r.clock.now() + timedelta(seconds=seconds),
            force=force,
        ),
    )


def cancel(world: "Simulation") -> str | None:
    """An operator cancels what was for later."""
    proxy_id, what = world.dice.pick(world.proxy_ids), world.dice.pick(("switchover", "drill"))

    def cancelled(replica: SimulatedReplica) -> Coroutine[Any, Any, object]:
        service = replica.service
        return (service.cancel_switchover if what == "switchover" else service.cancel_drill)(proxy_id)

    return ask(world, proxy_id, f"cancels the {what}", cancelled)


def force(world: "Simulation") -> str | None:
    """An operator moves a proxy whatever the rules say."""
    instance = some_instance(world, active=0.0)
    if instance is None:
        return None
    proxy_id, target = instance.proxy_id, instance.instance_id
    return ask(
        world,
        proxy_id,
        f"forces a move to {instance.name}",
        lambda r: r.service.switch_over(proxy_id, target, "it must", force=True),
    )


def drill(world: "Simulation") -> str | None:
    """An operator orders a drill, for now or for later."""
    proxy_id, hold = world.dice.pick(world.proxy_ids), world.dice.pick((0, 1, 4))
    later = world.dice.pick((None, None, 2.0))

    def drilled(replica: SimulatedReplica) -> Coroutine[Any, Any, object]:
        at = None if later is None else replica.clock.now() + timedelta(seconds=later)
        return replica.service.start_drill(proxy_id, hold_seconds=hold, scheduled_for=at)

    return ask(world, proxy_id, f"drills it for {hold} s{' later' if later else ''}", drilled)


BOUNDING_STEPS: tuple[tuple[float, Step], ...] = (
    *((0.4 * weight, step) for weight, step in STEPS),
    (8, instance_blinks),
    (6, pause),
    (3, resume),
    (6, set_rules),
    (3, set_gate),
    (3, order_for_a_while),
    (3, schedule),
    (1, cancel),
    (2, force),
    (4, drill),
)
"""What may happen where people bound automation."""


def _scope(world: "Simulation") -> str:
    return world.dice.pick(("fleet", "user:alice", f"proxy:{world.dice.pick(world.proxy_ids)}"))


def _move_limit(world: "Simulation") -> dict[str, object]:
    return {"moves": world.dice.pick((1, 1, 2)), "windowSeconds": world.dice.pick((3, 10, 60))}
