"""A real Envoy that may connect to any of two replicas, and what binds it to its name."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import trustme
from structlog.testing import capture_logs
from tests.backend import backend
from tests.envoy_node import APPLY_SECONDS, answered_by, endpoint, plan, refused
from tests.load import Load, load
from tests.ports import free_port, steady_ports
from tests.remote_node import (
    NODE_ID,
    RemoteEnvoy,
    XdsReplica,
    new_replicas,
    remote_envoy,
    served,
    xds_replicas,
)
from tests.waiting import eventually

from switchover.app.node_bootstrap import TlsPaths
from switchover.model.address import Address
from switchover.model.errors import OperatorError, StoreUnavailable
from switchover.model.plan import Plan, ReceiptKind
from switchover.switch.driver import NodeState
from switchover.switch.envoy.door import RemoteDoor, Tls


async def _home(replicas: Sequence[XdsReplica]) -> tuple[XdsReplica, XdsReplica]:
    """The replica that the node is connected to, and the other."""
    (home,) = await eventually(lambda: [replica for replica in replicas if replica.has_node])
    (other,) = [replica for replica in replicas if replica is not home]
    return home, other


def _start(node: RemoteEnvoy, replicas: Sequence[XdsReplica], tls: TlsPaths = (None, None, None)) -> None:
    node.start([replica.address for replica in replicas], tls=tls)


async def _start_all(replicas: Sequence[XdsReplica], wanted: Plan) -> None:
    for replica in replicas:
        await replica.driver.start([wanted])


async def test_a_node_leaves_a_dead_replica_for_a_live_one_and_keeps_what_it_has() -> None:
    port = free_port()
    async with remote_envoy() as node, backend("a") as a, backend("b") as b, xds_replicas(2) as replicas:
        wanted = plan([endpoint(a)], [endpoint(b)], port=port, epoch=3)
        await _start_all(replicas, wanted)
        _start(node, replicas)
        await answered_by(port, "a")
        home, other = await _home(replicas)
        before = await node.counters(r"(cds|lds)\.update_success$")

        async with load(port, rate=100) as running:
            await home.die()
            await eventually(lambda: other.has_node)
            assert (await other.driver.apply(wanted, APPLY_SECONDS)).kind is ReceiptKind.APPLIED
            assert await node.counters(r"(cds|lds)\.update_success$") == before, "it was sent what it had"
            moved = plan([endpoint(b)], [endpoint(a)], port=port, epoch=4)
            assert (await other.driver.apply(moved, APPLY_SECONDS)).kind is ReceiptKind.APPLIED
            await answered_by(port, "b")

        assert running.failures == []


async def test_a_node_leaves_a_replica_that_it_hears_nothing_from() -> None:
    port = free_port()
    async with remote_envoy() as node, backend("a") as a, xds_replicas(2) as replicas:
        wanted = plan([endpoint(a)], port=port)
        await _start_all(replicas, wanted)
        _start(node, replicas)
        await answered_by(port, "a")
        home, other = await _home(replicas)

        home.network.freeze()

        await eventually(lambda: other.has_node)
        assert (await Load(host="127.0.0.1", port=port).one()).instance == "a"
        await eventually(lambda: not home.has_node)


async def test_a_node_that_starts_while_a_replica_is_dead_or_silent_finds_the_live_one() -> None:
    port = free_port()
    async with remote_envoy() as node, backend("a") as a, xds_replicas(3) as replicas:
        await _start_all(replicas, plan([endpoint(a)], port=port))
        await replicas[0].die()
        replicas[1].network.freeze()

        _start(node, replicas)

        await answered_by(port, "a")
        assert [replica.has_node for replica in replicas] == [False, False, True]


async def test_a_node_that_is_sent_away_goes_to_the_other_replica() -> None:
    port = free_port()
    async with remote_envoy() as node, backend("a") as a, xds_replicas(2) as replicas:
        await _start_all(replicas, plan([endpoint(a)], port=port))
        _start(node, replicas)
        await answered_by(port, "a")
        home, other = await _home(replicas)

        home.driver.send_away()

        await eventually(lambda: other.has_node)
        assert not home.has_node


async def test_a_replica_that_lost_its_store_takes_nothing_from_a_node_that_comes_to_it() -> None:
    known, new = steady_ports(2)
    before = plan(port=known, proxy_id="known", epoch=1)
    stored: list[Plan] = []

    async def catch_up() -> None:
        if not stored:
            raise StoreUnavailable("away")
        await lost.driver.start(stored)

    informed, lost = new_replicas(2)
    lost.server.catch_up = catch_up
    async with remote_envoy() as node, backend("a") as a, backend("b") as b, served(informed, lost):
        after = plan([endpoint(b)], port=known, proxy_id="known", epoch=2)
        added = plan([endpoint(a)], port=new, proxy_id="new")
        await informed.driver.start([after, added])
        await lost.driver.start([before])
        lost.network.freeze()
        _start(node, (informed, lost))
        await answered_by(known, "b")
        await answered_by(new, "a")

        await informed.die()
        lost.network.thaw()
        await eventually(lambda: lost.has_node)
        assert (await lost.driver.apply(before, 0.5)).kind is ReceiptKind.TIMED_OUT
        assert (await Load(host="127.0.0.1", port=known).one()).instance == "b"
        assert (await Load(host="127.0.0.1", port=new).one()).instance == "a"

        # What the store says when it is back: `new` was deleted meanwhile.
        await lost.driver.withdraw("new")
        stored.append(after)
        await refused(new)
        assert (await lost.driver.apply(after, APPLY_SECONDS)).kind is ReceiptKind.APPLIED


def _tls_of(ca: trustme.CA) -> Tls:
    certificate = ca.issue_cert("127.0.0.1")
    return Tls(
        certificate=b"".join(pem.bytes() for pem in certificate.cert_chain_pems),
        key=certificate.private_key_pem.bytes(),
        client_ca=ca.cert_pem.bytes(),
    )


def _files(
    directory: Path, *names: str, trusted: trustme.CA, issuer: trustme.CA, common_name: str | None = None
) -> TlsPaths:
    certificate = issuer.issue_cert(*names, common_name=common_name)
    paths = directory / "node.pem", directory / "node.key", directory / "ca.pem"
    paths[0].write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(paths[1])
    trusted.cert_pem.write_to_path(paths[2])
    return paths


async def _refusals_of(node: RemoteEnvoy) -> int:
    counters = await node.counters(r"_switchover_xds\.(upstream_cx_connect_fail|upstream_cx_destroy_remote)$")
    return sum(counters.values())


@pytest.mark.parametrize(
    ("names", "common_name"), [(("other", NODE_ID), None), ((), NODE_ID)], ids=["dns name", "common name"]
)
async def test_a_node_whose_certificate_names_it_is_served(
    names: tuple[str, ...], common_name: str | None
) -> None:
    ca, port = trustme.CA(), free_port()
    async with remote_envoy() as node, backend("a") as a, xds_replicas(2, _tls_of(ca)) as replicas:
        await _start_all(replicas, plan([endpoint(a)], port=port))

        _start(node, replicas, _files(node.directory, *names, trusted=ca, issuer=ca, common_name=common_name))

        await answered_by(port, "a")
        home, other = await _home(replicas)
        await home.die()
        await eventually(lambda: other.has_node)


@pytest.mark.parametrize(
    ("names", "common_name"),
    [(("edge-2",), None), (("edge-2",), NODE_ID), ((), "edge-2")],
    ids=["another dns name", "a dns name goes before the common name", "another common name"],
)
async def test_a_node_id_that_is_not_its_certificates_is_refused_and_told_of(
    names: tuple[str, ...], common_name: str | None
) -> None:
    ca = trustme.CA()
    async with remote_envoy() as node, xds_replicas(1, _tls_of(ca)) as replicas:
        await replicas[0].driver.start([])
        with capture_logs() as logs:
            _start(
                node, replicas, _files(node.directory, *names, trusted=ca, issuer=ca, common_name=common_name)
            )
            (first, *_) = await eventually(
                lambda: [log for log in logs if log["event"] == "claimed_node_refused"]
            )

        assert (first["node_id"], first["certificate_names"]) == (NODE_ID, ("edge-2",))
        assert not replicas[0].has_node


async def test_a_certificate_of_another_authority_gets_nowhere() -> None:
    ours, theirs = trustme.CA(), trustme.CA()
    async with remote_envoy() as node, xds_replicas(1, _tls_of(ours)) as replicas:
        await replicas[0].driver.start([])
        with capture_logs() as logs:
            _start(node, replicas, _files(node.directory, NODE_ID, trusted=ours, issuer=theirs))
            await eventually(lambda: _refusals_of(node))

        assert not replicas[0].has_node
        assert logs == [], "it got past the handshake"


async def test_a_node_without_a_certificate_gets_nowhere() -> None:
    ca = trustme.CA()
    async with remote_envoy() as node, xds_replicas(1, _tls_of(ca)) as replicas:
        await replicas[0].driver.start([])
        with capture_logs() as logs:
            _start(node, replicas)
            await eventually(lambda: _refusals_of(node))

        assert not replicas[0].has_node
        assert logs == []


async def test_a_node_does_not_listen_to_a_replica_of_another_authority() -> None:
    ours, theirs = trustme.CA(), trustme.CA()
    async with remote_envoy() as node, xds_replicas(1, _tls_of(theirs)) as replicas:
        await replicas[0].driver.start([])
        _start(node, replicas, _files(node.directory, NODE_ID, trusted=ours, issuer=theirs))

        assert await eventually(lambda: node.counters(r"_switchover_xds\.ssl\.fail_verify_(error|san)$"))
        await eventually(lambda: _refusals_of(node))
        assert not replicas[0].has_node


async def test_an_unregistered_node_is_refused() -> None:
    async with remote_envoy() as node, xds_replicas(1) as replicas:
        await replicas[0].driver.start([])
        with capture_logs() as logs:
            node.start([replicas[0].address], node_id="stranger")
            await eventually(lambda: [log for log in logs if log["event"] == "unknown_node_refused"])
        assert replicas[0].driver.status().state is NodeState.AWAY


def test_there_is_no_plaintext_door_that_other_machines_reach() -> None:
    with pytest.raises(OperatorError, match=r"10\.0\.0\.1:8701 by TLS alone"):
        RemoteDoor(address=Address(host="10.0.0.1", port=8701))
