"""What people order about recoveries: an attempt now, and another secret for the webhook."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from switchover.control.commands.words import checked_reason
from switchover.control.desk import Desk
from switchover.control.documents import parse_secret
from switchover.decision.recovery import ORDERED_ATTEMPT, begun, following, most_attempts
from switchover.model.actor import Actor
from switchover.model.errors import Conflict, OwnError
from switchover.model.events import FailoverEvent
from switchover.model.instance import AdminState, Instance
from switchover.model.observation import Health
from switchover.model.policy import FailoverPolicy
from switchover.model.recovery import RecoveryActionType, RecoverySecrets, attempts_of, with_attempt


class RecoveryCommands:
    """Changes recoveries by hand."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def recover(self, instance_id: UUID, reason: str | None, actor: Actor) -> FailoverEvent:
        """Begin a recovery of an unhealthy instance, or make the next attempt of the one that is open now.

        Answers once that is on record; the call follows. It needs no `enable_auto_recovery`, and a pause of the
        automation does not stop a recovery that was begun so.

        Raises:
            InvalidInput: The reason is empty, too long, or has control characters.
            NotFound: There is no such instance for this actor.
            Conflict: The proxy has no recovery action, or the instance is not unhealthy, in maintenance, being called
                for, or has had every attempt.
        """
        desk, words = self._desk, checked_reason(reason)
        state, _ = desk.our_home(instance_id, actor)
        proxy_id = state.proxy.proxy_id
        async with desk.changing(proxy_id):
            state, instance = desk.our_home(instance_id, actor)
            _check_recoverable(instance, state.proxy.policy)
            latest, now = state.recoveries.get(instance_id), desk.clock.now()
            if latest is not None and latest.status.is_open:
                event = _hurried(latest, instance, state.proxy.policy, desk)
            else:
                event = begun(state.proxy, instance, desk.ids(), now, actor=actor, reason=words)
            trail = desk.trail(
                actor,
                "recovery.order",
                proxy_id,
                subject_id=event.event_id,
                detail={"instanceId": str(instance_id), "instanceName": instance.name, "reason": words},
            )
            if latest is not None and latest.event_id == event.event_id:
                await desk.store.note_attempts(event, trail, fence=state.fence)
            elif not await desk.store.add_recovery_event(event, trail, fence=state.fence):
                desk.fleet.doubt(proxy_id)
                raise Conflict(f"instance {instance.name} is being recovered already", _shown(instance))
            desk.fleet.put(state.with_recovery(event))
        desk.recovering.heed(desk.fleet.state(proxy_id))
        return event

    async def rotate_secret(
        self, proxy_id: str, data: Mapping[str, Any] | None, actor: Actor
    ) -> RecoverySecrets:
        """Sign requests to a proxy's webhook with the secret in `data`, or with one that is made here.

        The one before signs too until the next rotation, so that whoever verifies can follow in their own time.

        Raises:
            InvalidInput: The secret has another shape.
            NotFound: There is no such proxy for this actor.
        """
        desk = self._desk
        given = parse_secret(data)
        desk.ours(proxy_id, actor)
        async with desk.changing(proxy_id):
            state = desk.ours(proxy_id, actor)
            former = await desk.store.recovery_secrets(proxy_id)
            secrets = RecoverySecrets(
                proxy_id=proxy_id,
                secret=given or self._made(),
                former=None if former is None else former.secret,
                rotated_at=desk.clock.now(),
            )
            if former is not None and former.secret == secrets.secret:
                return former
            trail = desk.trail(actor, "recovery.rotate_secret", proxy_id, detail={"given": given is not None})
            await desk.store.save_recovery_secrets(secrets, trail, fence=state.fence)
        return secrets

    def _made(self) -> str:
        make = self._desk.recovery.make_secret
        if make is None:
            raise OwnError("this process makes no secrets; give one")
        return make()


def _check_recoverable(instance: Instance, policy: FailoverPolicy) -> None:
    if policy.recovery_action.type is RecoveryActionType.NONE:
        raise Conflict(
            "the proxy has no recovery action; set config.recoveryAction first", {"recoveryAction": "none"}
        )
    if instance.health.state is not Health.UNHEALTHY:
        raise Conflict(f"instance {instance.name} is {instance.health.state.value}", _shown(instance))
    if instance.admin_state is AdminState.MAINTENANCE:
        raise Conflict(f"instance {instance.name} is in maintenance", _shown(instance))


def _hurried(event: FailoverEvent, instance: Instance, policy: FailoverPolicy, desk: Desk) -> FailoverEvent:
    attempts = attempts_of(event)
    last = attempts[-1] if attempts else None
    ordered = replace(event, evidence={**event.evidence, ORDERED_ATTEMPT: following(event)})
    if last is None:
        return ordered
    if last.next_at is None:
        raise Conflict(f"instance {instance.name} is being called for now", _shown(instance))
    if last.number >= most_attempts(policy):
        raise Conflict(
            f"instance {instance.name} has had every attempt; wait for the outcome", _shown(instance)
        )
    return with_attempt(ordered, replace(last, next_at=min(last.next_at, desk.clock.now())))


def _shown(instance: Instance) -> dict[str, str]:
    return {"healthStatus": instance.health.state.value, "adminState": instance.admin_state.value}
