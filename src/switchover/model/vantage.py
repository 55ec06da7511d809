"""How one replica sees an instance: what several of them tell each other."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from switchover.model.observation import Health


@dataclass(frozen=True, slots=True, kw_only=True)
class Vantage:
    """What another replica believes of an instance.

    Attributes:
        observer: The replica's name.
        health: What it believes; UNKNOWN also when it doubts itself.
        consecutive_failures: As it counted.
        at: When it told, by the clock of whoever heard it.
    """

    observer: str
    health: Health
    consecutive_failures: int
    at: datetime

    def as_json(self) -> dict[str, Any]:
        """This vantage in the API's names."""
        return {
            "observer": self.observer,
            "healthStatus": self.health.value,
            "consecutiveFailures": self.consecutive_failures,
            "at": self.at.isoformat(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class VantageReport:
    """A vantage on its way between replicas.

    Attributes:
        proxy_id: The proxy.
        instance_id: Its instance.
        replica_id: Who sees it so.
        health: What it believes.
        consecutive_failures: As it counted.
        age_seconds: How long ago it was told, by the clock of whatever keeps it; 0 while it is being told.
    """

    proxy_id: str
    instance_id: UUID
    replica_id: UUID
    health: Health
    consecutive_failures: int
    age_seconds: float = 0.0
