"""One of several replicas, as answers tell of it."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from switchover.api.schemas.body import Body
from switchover.control.results import ReplicaState


class ReplicaBody(Body):
    """One run of a switchover process, as the replica that answers knows it."""

    replica_id: UUID = Field(description="Of this run; a process that was restarted is another replica.")
    name: str
    url: str = Field(description="Where the other replicas reach its API.")
    since: datetime = Field(description="When it was started.")
    is_self: bool = Field(description="Whether it is the one that answers.")
    is_live: bool = Field(description="Whether it may decide about its proxies.")
    proxies_owned: int = Field(description="How many proxies it decides about.")
    seconds_since_renewal: float = Field(description="Since it last gave a sign of life in the database.")
    doubt: str | None = Field(
        description="Why it does not believe what it sees, so that it moves nothing by itself; null while it does."
    )
    standing: str = Field(description="The same in words.")

    @classmethod
    def of(cls, state: ReplicaState) -> Self:
        """The body of `state`."""
        return cls(
            replica_id=state.replica.replica_id,
            name=state.replica.name,
            url=state.replica.url,
            since=state.replica.started_at,
            is_self=state.is_self,
            is_live=state.is_live,
            proxies_owned=state.proxies_owned,
            seconds_since_renewal=round(state.seconds_since_renewal, 3),
            doubt=state.doubt,
            standing=_standing(state),
        )


def _standing(state: ReplicaState) -> str:
    if state.failing_since is not None:
        at = state.failing_since.isoformat(timespec="seconds").replace("+00:00", "Z")
        return f"cannot renew since {at}" + ("" if state.is_live else ", decides nothing")
    renewed = f"renewed {state.seconds_since_renewal:.1f} s ago"
    if state.is_live and state.doubt is not None:
        return f"{renewed}; {state.doubt[:1].lower()}{state.doubt[1:]}"
    return renewed if state.is_live else f"gone, {renewed}"
