"""The words of every conflict that a store reports, so that each implementation says the same.

None says whose the other proxy is: what belongs to somebody else is nobody's business.
"""

from uuid import UUID

from switchover.model.address import Address
from switchover.model.errors import Conflict
from switchover.model.instance import Instance
from switchover.model.policy import Listener


def proxy_id_taken(proxy_id: str) -> Conflict:
    """The id is in use, or was another owner's."""
    return Conflict(f"proxyId {proxy_id!r} is taken", {"proxyId": proxy_id})


def listener_taken(listener: Listener) -> Conflict:
    """Another proxy that is not deleted listens there."""
    place = Address(host=listener.address, port=listener.port)
    return Conflict(
        f"listener {place} is already used by another proxy",
        {"address": listener.address, "port": listener.port},
    )


def instance_name_taken(instance: Instance) -> Conflict:
    """Another instance of the proxy has this name."""
    return Conflict(
        f"instanceName {instance.name!r} is taken in proxy {instance.proxy_id}",
        {"proxyId": instance.proxy_id, "instanceName": instance.name},
    )


def instance_id_taken(instance_id: UUID) -> Conflict:
    """An instance with this id exists, or did."""
    return Conflict(f"instance id {instance_id} is taken", {"instanceId": str(instance_id)})


def policy_changed(proxy_id: str, generation: int) -> Conflict:
    """Somebody else changed the policy since it was read; `generation` is the stored one."""
    return Conflict(
        f"the configuration of proxy {proxy_id} was changed meanwhile; its generation is {generation}",
        {"generation": generation},
    )


def move_over(proxy_id: str, active_instance_id: UUID | None, epoch: int) -> Conflict:
    """The move that was to take a step is closed; the arguments are the stored ones."""
    active = None if active_instance_id is None else str(active_instance_id)
    return Conflict(
        f"the move of proxy {proxy_id} is over; it takes no further step",
        {"activeInstanceId": active, "epoch": epoch},
    )


def active_moved(proxy_id: str, active_instance_id: UUID | None, epoch: int) -> Conflict:
    """The active or the epoch is not what the move saw; the arguments are the stored ones."""
    active = None if active_instance_id is None else str(active_instance_id)
    return Conflict(
        f"the active instance of proxy {proxy_id} was changed meanwhile; "
        f"it is {active or 'none'} in epoch {epoch}",
        {"activeInstanceId": active, "epoch": epoch},
    )


def move_scheduled(proxy_id: str) -> Conflict:
    """The proxy has a scheduled move already."""
    return Conflict(f"proxy {proxy_id} has a scheduled switchover already; cancel that one first", {})


def schedule_gone(proxy_id: str, active_instance_id: UUID | None, epoch: int) -> Conflict:
    """The scheduled move is not pending any more; the other arguments are the stored ones."""
    active = None if active_instance_id is None else str(active_instance_id)
    return Conflict(
        f"the scheduled switchover of proxy {proxy_id} was cancelled or made meanwhile",
        {"activeInstanceId": active, "epoch": epoch},
    )


def drill_open(proxy_id: str) -> Conflict:
    """The proxy has a drill that has not ended."""
    return Conflict(f"proxy {proxy_id} has a drill already that has not ended", {})


def move_open(proxy_id: str, active_instance_id: UUID | None, epoch: int) -> Conflict:
    """A move is open that the new one does not supersede; the arguments are the stored ones."""
    active = None if active_instance_id is None else str(active_instance_id)
    return Conflict(
        f"proxy {proxy_id} has an open move that this one does not supersede",
        {"activeInstanceId": active, "epoch": epoch},
    )
