"""What requests carry. The documents within are those of `control.documents`, which the service reads again."""

from typing import Annotated

from pydantic import ConfigDict, Field

from switchover.control.documents.document import Document
from switchover.control.documents.fields import Choice, Id, ProxyId, Sentence
from switchover.control.documents.instance import InstanceDocument
from switchover.control.documents.metrics import MetricsDocument
from switchover.control.documents.policy import PolicyDocument
from switchover.model.instance import AdminState
from switchover.model.observation import Health

_AN_ID = "01980f3c-0000-7000-8000-000000000001"
_ANOTHER_ID = "01980f3c-0000-7000-8000-000000000002"


class ConfigurationRequest(Document):
    """A proxy to create, or a configuration to merge into what is stored."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "proxyId": "web",
                    "config": {
                        "healthCheckIntervalSeconds": 1,
                        "healthCheck": {"type": "http", "path": "/health"},
                        "listener": {"address": "127.0.0.1", "port": 10000, "protocol": "http"},
                    },
                }
            ]
        }
    )

    proxy_id: ProxyId = Field(description="An unknown proxy is created for the caller.")
    config: PolicyDocument | None = Field(default=None, description="What should change; all may be missing.")


class InstanceRequest(Document):
    """An instance to register."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "proxyId": "web",
                    "instanceData": {"instanceName": "web-1", "address": "10.0.0.7:8080", "priority": 10},
                }
            ]
        }
    )

    proxy_id: ProxyId = Field(description="The proxy it serves.")
    instance_data: InstanceDocument = Field(description="The instance.")


class HealthRequest(Document):
    """A verdict about an instance, taken at its word, and what was measured."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"healthStatus": "healthy", "metrics": {"cpuPercent": 41.5, "connectionCount": 12}}]
        }
    )

    health_status: Annotated[Health, Choice()] = Field(description="healthy, unhealthy or unknown.")
    metrics: MetricsDocument | None = Field(default=None, description="A sample, if there is one.")


class EvaluationRequest(Document):
    """The proxy to evaluate."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"proxyId": "web"}]})

    proxy_id: ProxyId = Field(description="The proxy.")


class ExecutionRequest(Document):
    """A move from the active instance to another."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "proxyId": "web",
                    "sourceInstanceId": _AN_ID,
                    "targetInstanceId": _ANOTHER_ID,
                    "reason": "Kernel update",
                }
            ]
        }
    )

    proxy_id: ProxyId = Field(description="The proxy to move.")
    source_instance_id: Id = Field(description="The active instance; 409 when it is another one by now.")
    target_instance_id: Id = Field(description="The next active; 409 when it is not eligible.")
    reason: Sentence | None = Field(default=None, description="Why, for the record.")


class SwitchoverRequest(Document):
    """A planned move."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"proxyId": "web", "reason": "Kernel update"}]})

    proxy_id: ProxyId = Field(description="The proxy to move.")
    target_instance_id: Id | None = Field(
        default=None, description="The next active; without one the best eligible standby."
    )
    reason: Sentence | None = Field(default=None, description="Why, for the record.")


class RecoveryRequest(Document):
    """An attempt to bring an instance back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The disk was replaced"}]})

    reason: Sentence | None = Field(default=None, description="Why, for the record.")


class AdminStateRequest(Document):
    """What an instance is ordered to be."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"adminState": "drain"}]})

    admin_state: Annotated[AdminState, Choice()] = Field(description="ready, drain or maintenance.")
