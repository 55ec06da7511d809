"""Builds every part from the settings; the one place where concrete parts meet their Protocols."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import httpx
from fastapi import FastAPI

from switchover.api.app import ApiSettings, create_api
from switchover.api.auth.keys import KeySet
from switchover.api.auth.tokens import KeySetVerifier, SecretVerifier, TokenVerifier
from switchover.api.forwarding import peer_client
from switchover.api.limits import RateLimit
from switchover.app.clock import SystemChance, SystemClock, uuid7
from switchover.app.database import database_limits, database_url
from switchover.app.datadir import DataDir
from switchover.app.remote_door import remote_door
from switchover.app.remote_nodes import read_node
from switchover.app.secret import recovery_secret
from switchover.app.settings import Settings
from switchover.app.token import token_rules, token_secret
from switchover.control.desk import Limits
from switchover.control.housekeeping import Retention
from switchover.control.outlook import DoubtRules
from switchover.control.plane import Company, ControlPlane, Parts
from switchover.control.recovering import RecoveryParts
from switchover.control.selfwatch import SelfDoubt
from switchover.model.address import parse_address
from switchover.model.lease import Replica
from switchover.model.recovery import RecoveryActionType
from switchover.probe.engine import ProbeEngine
from switchover.probe.resolve import SystemResolver
from switchover.record.sql.company import open_shared
from switchover.record.sql.store import open_store
from switchover.record.store import Store
from switchover.recover.command import CommandRecoverer
from switchover.recover.webhook import WebhookRecoverer
from switchover.switch.driver import Driver
from switchover.switch.envoy.driver import EnvoyDriver
from switchover.switch.envoy.process import EnvoySupervisor
from switchover.switch.envoy.server import XdsServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """What every serving process runs.

    Attributes:
        plane: Probes, decides, switches.
        api: The REST API of its service.
        xds: What nodes connect to.
        resolver: What turns names into addresses.
        peers: By what the other replicas are reached; None when there are none.
    """

    plane: ControlPlane
    api: FastAPI
    xds: XdsServer
    resolver: SystemResolver
    peers: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Release what the plane does not release by itself."""
        self.resolver.close()
        if self.peers is not None:
            await self.peers.aclose()


async def build_up(settings: Settings, data_dir: DataDir, xds_socket: Path) -> Assembly:
    """Build what `up` runs beside its Envoy; nothing runs yet, but the store is open.

    Raises:
        OperatorError: Something that the settings name is missing or unusable.
        StoreUnavailable: The database did not answer.
    """
    clock = SystemClock()
    verifier = _verifier(settings, clock, token_secret(data_dir, settings))
    xds = XdsServer(clock=clock, socket_path=xds_socket, remote=remote_door(settings))
    embedded = xds.node(settings.node_id)
    store = await open_store(database_url(settings), database_limits(settings))
    return _assemble(settings, clock, verifier, xds, store, embedded=(embedded,))


async def build_replica(settings: Settings, replica: Replica) -> Assembly:
    """Build what `serve` runs; nothing runs yet, but the database is open.

    Raises:
        OperatorError: Something that the settings name is missing or unusable.
        StoreUnavailable: The database did not answer.
    """
    clock = SystemClock()
    secret = None if settings.jwt_secret is None else settings.jwt_secret.get_secret_value().encode()
    verifier = _verifier(settings, clock, secret)
    xds = XdsServer(clock=clock, remote=remote_door(settings))
    shared = await open_shared(
        database_url(settings),
        replica_id=replica.replica_id,
        clock=clock,
        limits=database_limits(settings),
    )
    company = Company(
        replica=replica,
        membership=shared.membership,
        exchange=shared.exchange,
        session_seconds=settings.lease_seconds,
    )
    return _assemble(settings, clock, verifier, xds, shared.store, company=company)


def _assemble(
    settings: Settings,
    clock: SystemClock,
    verifier: TokenVerifier,
    xds: XdsServer,
    store: Store,
    *,
    embedded: Sequence[Driver] = (),
    company: Company | None = None,
) -> Assembly:
    resolver = SystemResolver()
    plane = ControlPlane(
        Parts(
            store=store,
            drivers=(*embedded, *remote_nodes(xds, settings)),
            prober=ProbeEngine(clock=clock, resolver=resolver, most_concurrent=settings.probe_concurrency),
            resolver=resolver,
            clock=clock,
            ids=uuid7,
            limits=Limits(
                proxies_per_owner=settings.proxies_per_owner,
                instances_per_proxy=settings.instances_per_proxy,
            ),
            retention=Retention(
                events=timedelta(days=settings.events_retention_days),
                metrics=timedelta(days=settings.metrics_retention_days),
                messages=timedelta(days=settings.messages_retention_days),
            ),
            company=company,
            recovery=_recovery(settings, clock, resolver),
            doubting=_doubting(settings),
        )
    )
    xds.catch_up = plane.catch_up
    rate = RateLimit(per_second=settings.requests_per_second, burst=int(settings.requests_per_second * 5) + 1)
    peers = None if company is None else peer_client()
    api = create_api(
        plane.service,
        verifier,
        clock=clock,
        ids=uuid7,
        settings=ApiSettings(version=version("switchover"), rate_limit=rate),
        peers=peers,
    )
    return Assembly(plane=plane, api=api, xds=xds, resolver=resolver, peers=peers)


def _recovery(settings: Settings, clock: SystemClock, resolver: SystemResolver) -> RecoveryParts:
    timeout = settings.recovery_timeout_seconds
    return RecoveryParts(
        recoverers={
            RecoveryActionType.WEBHOOK: WebhookRecoverer(
                resolve=resolver.resolve, clock=clock, timeout_seconds=timeout
            ),
            RecoveryActionType.COMMAND: CommandRecoverer(settings.recovery_commands, timeout_seconds=timeout),
        },
        command_names=frozenset(settings.recovery_commands),
        chance=SystemChance(),
        make_secret=recovery_secret,
    )


def _doubting(settings: Settings) -> SelfDoubt:
    return SelfDoubt(
        rules=DoubtRules(
            percent=settings.doubt_percent,
            window_seconds=settings.doubt_window_seconds,
            fewest=settings.doubt_fewest_instances,
            lag_seconds=settings.doubt_lag_seconds,
        ),
        references=tuple(parse_address(target) for target in settings.reference_targets),
    )


def remote_nodes(xds: XdsServer, settings: Settings) -> tuple[EnvoyDriver, ...]:
    """The drivers of the nodes that these settings name."""
    named = (read_node(text) for text in settings.nodes)
    return tuple(xds.remote_node(node.node_id, node.bind_address) for node in named)


def supervisor_of(settings: Settings, data_dir: DataDir, clock: SystemClock, binary: Path) -> EnvoySupervisor:
    """The supervisor of the data directory's Envoy, whether that runs or not; `binary` is what it would start."""
    return EnvoySupervisor(
        binary=binary,
        directory=data_dir.envoy,
        node_id=settings.node_id,
        clock=clock,
    )


def _verifier(settings: Settings, clock: SystemClock, secret: bytes | None) -> TokenVerifier:
    rules = token_rules(settings)
    if settings.jwt_jwks_url is not None:
        return KeySetVerifier(KeySet(settings.jwt_jwks_url, clock), settings.jwt_algorithms, clock, rules)
    if secret is None:
        raise ValueError("neither jwt_secret nor jwt_jwks_url; the caller checks that")
    return SecretVerifier(secret, clock, rules)
