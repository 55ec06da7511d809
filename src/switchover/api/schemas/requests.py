"""What requests carry. The documents within are those of `control.documents`, which the service reads again."""

from typing import Annotated

from pydantic import ConfigDict, Field

from switchover.control.documents.document import Document
from switchover.control.documents.fields import Boolean, Choice, Id, Moment, ProxyId, Sentence
from switchover.control.documents.instance import InstanceDocument
from switchover.control.documents.metrics import MetricsDocument
from switchover.control.documents.policy import PolicyDocument
from switchover.model.observation import Health

_AN_ID = "01980f3c-0000-7000-8000-000000000001"
_ANOTHER_ID = "01980f3c-0000-7000-8000-000000000002"
_PIN_ENDS = "When the pin ends by itself; without one it stays until the target fails or it is taken off."


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
    pin_until: Moment | None = Field(default=None, description=_PIN_ENDS)
    force: Boolean = Field(
        default=False, description="Also to a target that is unhealthy or unknown; needs a reason."
    )


class SwitchoverRequest(Document):
    """A planned move."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"proxyId": "web", "reason": "Kernel update"}]})

    proxy_id: ProxyId = Field(description="The proxy to move.")
    target_instance_id: Id | None = Field(
        default=None, description="The next active; without one the best eligible standby."
    )
    reason: Sentence | None = Field(default=None, description="Why, for the record.")
    pin_until: Moment | None = Field(default=None, description=_PIN_ENDS)
    force: Boolean = Field(
        default=False, description="Also to a target that is unhealthy or unknown; needs a reason."
    )
    scheduled_for: Moment | None = Field(
        default=None,
        description="When to do it, at most 30 days ahead; a proxy has one such order at a time. At once without it.",
    )


class RecoveryRequest(Document):
    """An attempt to bring an instance back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The disk was replaced"}]})

    reason: Sentence | None = Field(default=None, description="Why, for the record.")


class PinRequest(Document):
    """The active instance is to stay where it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Until the rack is mended"}]})

    until: Moment | None = Field(default=None, description=_PIN_ENDS)
    reason: Sentence | None = Field(default=None, description="Why, for the record.")
