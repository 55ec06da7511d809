"""Recoveries: an attempt by hand, the secret of a webhook."""

from fastapi import APIRouter

from switchover.api.operations import recovery as operations
from switchover.api.route import OperationRoute, offer
from switchover.api.routes.parameters import Caller, InstanceIdInPath, ProxyIdInPath, Service
from switchover.api.schemas.body import Answer
from switchover.api.schemas.failover import FailoverEventBody
from switchover.api.schemas.recovery import RecoverySecretBody
from switchover.api.schemas.requests import RecoveryRequest
from switchover.control.documents.recovery import RecoverySecretDocument

router = APIRouter(route_class=OperationRoute, tags=["recovery"])


@offer(router, operations.RECOVER_INSTANCE)
async def recover_instance(
    instance_id: InstanceIdInPath, body: RecoveryRequest, service: Service, caller: Caller
) -> Answer[FailoverEventBody]:
    """Begins a recovery of an unhealthy instance, or makes the next attempt of the open one without waiting.
    409 when the proxy has no recovery action, the instance is not unhealthy or in maintenance, or its attempts are used up.
    """
    event = await service.recover_instance(instance_id, body.reason, actor=caller)
    return Answer(data=FailoverEventBody.of(event), message="An attempt is made")


@offer(router, operations.ROTATE_SECRET)
async def rotate_recovery_secret(
    proxy_id: ProxyIdInPath, body: RecoverySecretDocument, service: Service, caller: Caller
) -> Answer[RecoverySecretBody]:
    """A secret that we make is answered this once. The one before signs too until the next rotation."""
    secrets = await service.rotate_recovery_secret(proxy_id, body.secret, actor=caller)
    shown = RecoverySecretBody.of(secrets, shown=body.secret is None)
    return Answer(data=shown, message=f"The recovery webhook of {proxy_id} has another secret")
