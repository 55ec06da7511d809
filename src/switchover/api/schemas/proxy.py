"""A proxy and the nodes that carry it, as answers tell them."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from switchover.api.schemas.automation import BlockedMoveBody, PauseBody
from switchover.api.schemas.body import Body
from switchover.api.schemas.drill import DrillBody
from switchover.api.schemas.failover import EvaluationBody, FailoverEventBody, RedundancyBody
from switchover.api.schemas.instance import InstanceBody
from switchover.api.schemas.policy import PolicyBody
from switchover.control.results import Evaluation, ProxyOverview
from switchover.model.proxy import Pin, Proxy
from switchover.switch.driver import NodeState, NodeStatus


class PinBody(Body):
    """An operator's wish that the active stays where it is."""

    instance_id: UUID
    by: str | None = Field(description="Who pinned it; null when that is not on record.")
    reason: str | None
    at: datetime | None
    until: datetime | None = Field(description="When it ends by itself; null when it does not.")

    @classmethod
    def of(cls, pin: Pin) -> Self:
        """The body of `pin`."""
        return cls(instance_id=pin.instance_id, by=pin.by, reason=pin.reason, at=pin.at, until=pin.until)


class ConfigurationBody(Body):
    """A proxy's configuration with every setting as it is in force, and where the proxy stands."""

    proxy_id: str
    owner_id: str
    config: PolicyBody
    active_instance_id: UUID | None
    pinned_instance_id: UUID | None = Field(description="Where a manual move put the active; failback waits.")
    pin: PinBody | None = Field(description="The same pin with who, why and until when; null without one.")
    epoch: int = Field(description="Grows with every change of the active instance.")
    generation: int = Field(description="Grows with every change of the configuration.")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, proxy: Proxy) -> Self:
        """The body of `proxy`."""
        return cls(
            proxy_id=proxy.proxy_id,
            owner_id=proxy.owner_id,
            config=PolicyBody.of(proxy.policy),
            active_instance_id=proxy.active_instance_id,
            pinned_instance_id=proxy.pinned_instance_id,
            pin=None if proxy.pin is None else PinBody.of(proxy.pin),
            epoch=proxy.epoch,
            generation=proxy.generation,
            created_at=proxy.created_at,
            updated_at=proxy.updated_at,
        )


class ProxyBody(ConfigurationBody):
    """One proxy whole."""

    instances: list[InstanceBody] = Field(description="By preference.")
    redundancy: RedundancyBody
    open_event: FailoverEventBody | None = Field(description="The move whose outcome is missing.")
    scheduled_event: FailoverEventBody | None = Field(
        description="The switchover of which the time has not come."
    )
    drill: DrillBody | None = Field(description="The drill that has not ended.")
    evaluation: EvaluationBody = Field(description="What the policy says now.")
    is_all_down: bool = Field(
        description="Whether no instance could serve, so that the configuration's allDown is in force."
    )
    rejections: dict[str, str] = Field(
        description="Node → its own words about what it refuses of this proxy."
    )
    owner: str | None = Field(
        description="The replica that decides about it; null while none does, or when there is but one process."
    )
    pauses: list[PauseBody] = Field(
        description="What stops automation for it now, the widest scope first; empty while it runs."
    )
    blocked: BlockedMoveBody | None = Field(
        description="The move that is wanted and that a rule blocks; null without one."
    )

    @classmethod
    def of_overview(cls, overview: ProxyOverview) -> Self:
        """The body of `overview`."""
        proxy = overview.proxy
        evaluation = Evaluation(
            proxy_id=proxy.proxy_id, decision=overview.decision, strategy=proxy.policy.failover_strategy
        )
        event, scheduled, drill = overview.open_event, overview.scheduled_event, overview.drill
        return cls(
            **dict(ConfigurationBody.of(proxy)),
            instances=[InstanceBody.of(state) for state in overview.instances],
            redundancy=RedundancyBody.of(overview.redundancy),
            open_event=None if event is None else FailoverEventBody.of(event),
            scheduled_event=None if scheduled is None else FailoverEventBody.of(scheduled),
            drill=None if drill is None else DrillBody.of(drill),
            evaluation=EvaluationBody.of(evaluation),
            is_all_down=overview.is_all_down,
            rejections=dict(overview.rejections),
            owner=overview.owner,
            pauses=[PauseBody.of(scope, pause) for scope, pause in overview.pauses],
            blocked=None if overview.blocked is None else BlockedMoveBody.of(overview.blocked),
        )


class NodeBody(Body):
    """One data-plane node."""

    node_id: str
    state: NodeState
    replica: str | None = Field(
        description="The replica that it is connected to; null while it is away, or when there is but one."
    )
    rejections: dict[str, str] = Field(
        description="Proxy → the node's own words about what it still refuses."
    )

    @classmethod
    def of(cls, node: NodeStatus) -> Self:
        """The body of `node`."""
        return cls(
            node_id=node.node_id, state=node.state, replica=node.replica, rejections=dict(node.rejections)
        )
