"""What a control plane is built from."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from switchover.control.desk import Limits
from switchover.control.housekeeping import Retention
from switchover.control.recovering import RecoveryParts
from switchover.control.selfwatch import SelfDoubt
from switchover.model.clock import Clock, IdFactory
from switchover.model.lease import Replica
from switchover.probe.prober import Prober, Resolver
from switchover.record.exchange import Exchange
from switchover.record.membership import Membership
from switchover.record.store import Store
from switchover.switch.driver import Driver


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """What one of several replicas has that a lone process has not.

    Attributes:
        replica: Who we are.
        membership: By which the replicas share the proxies.
        exchange: By which they tell each other what happened.
        session_seconds: How long a replica's leases outlive its last sign of life, above 0.
    """

    replica: Replica
    membership: Membership
    exchange: Exchange
    session_seconds: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a control plane is built from.

    Attributes:
        store: Remembers.
        drivers: One per node; none when somebody else switches.
        prober: Asks instances.
        resolver: Turns names into addresses.
        clock: Time.
        ids: Ids of rows.
        limits: Bounds per owner and proxy.
        retention: How long history is kept.
        company: Of the other replicas; None when we are alone.
        recovery: Who is called to bring instances back.
        doubting: When we do not believe what we see.
    """

    store: Store
    drivers: Sequence[Driver]
    prober: Prober
    resolver: Resolver
    clock: Clock
    ids: IdFactory
    limits: Limits = field(default_factory=Limits)
    retention: Retention = field(default_factory=Retention)
    company: Company | None = None
    recovery: RecoveryParts = field(default_factory=RecoveryParts)
    doubting: SelfDoubt = field(default_factory=SelfDoubt)
