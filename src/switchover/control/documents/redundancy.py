"""A redundancy status as an admin declares it: any subset of its fields."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field

from switchover.control.documents.document import Document, read
from switchover.control.documents.fields import Between, Boolean, Choice, Id, Moment, Sentence
from switchover.model.errors import FieldProblem, InvalidInput
from switchover.model.redundancy import RedundancyLevel, RedundancySource, RedundancyStatus

Instances = Annotated[int, Between(0, 1_000_000)]
MOST_BACKUPS = 1000


class RedundancyDocument(Document):
    """What an admin declares; a field that is missing keeps its value."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"isDegraded": False, "lastFailoverReason": "Drill"}]}
    )

    total_instances: Instances = Field(default=0, description="Registered instances.")
    healthy_instances: Instances = Field(default=0, description="Of those, healthy.")
    unhealthy_instances: Instances = Field(default=0, description="Of those, unhealthy.")
    active_instance_id: Id | None = Field(
        default=None, description="The active; it cannot be moved here, execute a failover for that."
    )
    backup_instance_ids: Annotated[list[Id], Field(max_length=MOST_BACKUPS)] = Field(
        default=[], description="Who could take over, in order of preference."
    )
    redundancy_level: Annotated[RedundancyLevel, Choice()] = Field(
        default=RedundancyLevel.SINGLE,
        description="single (at most 1 instance), dual (2) or multi (3 or more).",
    )
    is_degraded: Boolean = Field(
        default=False, description="Whether the proxy is short of healthy instances."
    )
    last_failover_at: Moment | None = Field(default=None, description="When the active last changed.")
    last_failover_reason: Sentence | None = Field(default=None, description="Why.")


@dataclass(frozen=True, slots=True, kw_only=True)
class RedundancyChanges:
    """What an admin declares.

    Attributes:
        given: Attribute of `RedundancyStatus` → the declared value.
    """

    given: Mapping[str, Any]

    @property
    def names_active(self) -> bool:
        """Whether the declaration says who is active."""
        return "active_instance_id" in self.given

    @property
    def active_instance_id(self) -> UUID | None:
        """Who it says is active; None when it says nobody, or nothing."""
        active: UUID | None = self.given.get("active_instance_id")
        return active

    def declare(self, status: RedundancyStatus, now: datetime) -> RedundancyStatus:
        """`status` with what is declared, from now on `source: declared`.

        Raises:
            InvalidInput: The counts contradict each other.
        """
        declared = replace(status, **self.given, source=RedundancySource.DECLARED, updated_at=now)
        counted = declared.healthy_instances + declared.unhealthy_instances
        if counted > declared.total_instances:
            raise InvalidInput(
                FieldProblem(
                    "totalInstances",
                    declared.total_instances,
                    f"allowed is at least healthyInstances + unhealthyInstances, which is {counted}",
                )
            )
        return declared


def parse_redundancy(data: Mapping[str, Any]) -> RedundancyChanges:
    """What `data` declares.

    Raises:
        InvalidInput: With every problem; fields are named as they are sent.
    """
    given = read(RedundancyDocument, data).given()
    if "backup_instance_ids" in given:
        given["backup_instance_ids"] = tuple(given["backup_instance_ids"])
    return RedundancyChanges(given=given)
