"""A whole control plane on fakes: no socket, no file, time by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from switchover.control.plane import Company, ControlPlane, Parts
from switchover.control.recovering import RecoveryParts
from switchover.control.selfwatch import SelfDoubt
from switchover.control.service import ProxyFailoverService
from switchover.model.recovery import RecoveryActionType
from switchover.record.store import Store
from switchover.testing.clock import CountingIds, ManualClock
from switchover.testing.fake_driver import FakeDriver
from switchover.testing.fake_prober import FakeProber
from switchover.testing.fake_recoverer import FakeRecoverer
from switchover.testing.fake_resolver import FakeResolver
from switchover.testing.memory_store import MemoryStore

A_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - a fake's, for nothing
"""What a workbench makes when a secret is wanted."""

_CALLED = (RecoveryActionType.WEBHOOK, RecoveryActionType.COMMAND)


@dataclass(slots=True, kw_only=True)
class Workbench:
    """The fakes behind one control plane; replace any of them before `running`.

    Use `async with Workbench().running() as service`, then move time with `clock.advance`, steer instances with
    `prober`, nodes with `drivers`.
    """

    clock: ManualClock = field(default_factory=ManualClock)
    ids: CountingIds = field(default_factory=CountingIds)
    store: Store = field(default_factory=MemoryStore)
    prober: FakeProber = field(init=False)
    resolver: FakeResolver = field(default_factory=FakeResolver)
    drivers: tuple[FakeDriver, ...] = field(default_factory=lambda: (FakeDriver(),))
    company: Company | None = None
    recoverers: dict[RecoveryActionType, FakeRecoverer] = field(
        default_factory=lambda: {kind: FakeRecoverer() for kind in _CALLED}
    )
    doubting: SelfDoubt = field(default_factory=SelfDoubt)

    def __post_init__(self) -> None:
        self.prober = FakeProber(self.clock)

    def plane(self) -> ControlPlane:
        """A control plane on these parts; a second one on the same store is what a restart comes to."""
        return ControlPlane(
            Parts(
                store=self.store,
                drivers=self.drivers,
                prober=self.prober,
                resolver=self.resolver,
                clock=self.clock,
                ids=self.ids,
                company=self.company,
                recovery=RecoveryParts(
                    recoverers=self.recoverers,
                    command_names=frozenset({"restart"}),
                    make_secret=lambda: A_SECRET,
                ),
                doubting=self.doubting,
            )
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ProxyFailoverService]:
        """Run a control plane beside the body."""
        async with self.plane().running() as service:
            yield service
