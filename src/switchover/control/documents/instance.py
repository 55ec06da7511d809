"""An instance as people describe it: `instanceData` of a registration, and the fields of a change."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from switchover.control.documents.document import Document, read
from switchover.control.documents.fields import Address as AddressField
from switchover.control.documents.fields import Between, Label, Name
from switchover.model.address import Address
from switchover.model.instance import Instance

DEFAULT_TYPE = "standard"
DEFAULT_PRIORITY = 100
DEFAULT_WEIGHT = 100

Priority = Annotated[int, Between(0, 1_000_000)]
# Envoy adds up the weights of a cluster in 32 bits: 4,000 instances of the highest weight still fit.
Weight = Annotated[int, Between(1, 1_000_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceData:
    """What people say about an instance; every field is in force as it stands here."""

    name: str
    instance_type: str
    priority: int
    weight: int
    address: Address | None


class InstanceChangesDocument(Document):
    """What may be changed about an instance. A missing field stays as it is; null puts it back to its default."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"priority": 20, "address": "10.0.0.8:8080"}]})

    instance_name: Name = Field(
        default="", description="Unique within the proxy.", json_schema_extra={"default": None}
    )
    instance_type: Label | None = Field(
        default=None, description="A free label.", json_schema_extra={"default": DEFAULT_TYPE}
    )
    priority: Priority | None = Field(
        default=None, description="Lower is preferred.", json_schema_extra={"default": DEFAULT_PRIORITY}
    )
    weight: Weight | None = Field(
        default=None,
        description="Its share when traffic is weighted.",
        json_schema_extra={"default": DEFAULT_WEIGHT},
    )
    address: AddressField | None = Field(
        default=None,
        description="host:port, where it listens. Without one it is neither probed nor carried and lives by reports.",
        examples=["10.0.0.7:8080"],
    )


class InstanceDocument(InstanceChangesDocument):
    """An instance to register."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"instanceName": "web-1", "address": "10.0.0.7:8080", "priority": 10}]
        }
    )

    instance_name: Name = Field(description="Unique within the proxy.", examples=["web-1"])


def parse_instance(data: Mapping[str, Any]) -> InstanceData:
    """The instance that `data` describes, defaults filled in.

    Raises:
        InvalidInput: With every problem; fields are named `instanceData.…`.
    """
    document = read(InstanceDocument, data, "instanceData")
    return InstanceData(
        name=document.instance_name,
        instance_type=document.instance_type or DEFAULT_TYPE,
        priority=_or(document.priority, DEFAULT_PRIORITY),
        weight=_or(document.weight, DEFAULT_WEIGHT),
        address=document.address,
    )


def parse_instance_changes(data: Mapping[str, Any], stored: Instance) -> InstanceData:
    """What `data` makes of `stored`.

    Raises:
        InvalidInput: With every problem; fields are named as they are sent, without a prefix.
    """
    document = read(InstanceChangesDocument, data)
    given = document.model_fields_set
    return InstanceData(
        name=document.instance_name if "instance_name" in given else stored.name,
        instance_type=(document.instance_type or DEFAULT_TYPE)
        if "instance_type" in given
        else stored.instance_type,
        priority=_or(document.priority, DEFAULT_PRIORITY) if "priority" in given else stored.priority,
        weight=_or(document.weight, DEFAULT_WEIGHT) if "weight" in given else stored.weight,
        address=document.address if "address" in given else stored.address,
    )


def _or(value: int | None, default: int) -> int:
    return default if value is None else value
