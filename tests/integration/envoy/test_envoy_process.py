"""The life of the embedded Envoy: started, adopted, replaced, restarted, drained."""

import asyncio
import os
import signal
import sys

import psutil
import pytest
from structlog.testing import capture_logs
from tests.backend import backend
from tests.envoy_node import (
    APPLY_SECONDS,
    EnvoyNode,
    answered_by,
    background,
    control_plane,
    endpoint,
    envoy_node,
    plan,
    refused,
)
from tests.load import Load, load
from tests.ports import free_port
from tests.waiting import eventually

from switchover.app.clock import SystemClock
from switchover.model.errors import OwnError
from switchover.model.plan import ReceiptKind
from switchover.switch.envoy.admin import AdminClient, AdminUnreachable
from switchover.switch.envoy.binary import find_envoy
from switchover.switch.envoy.bootstrap import embedded_bootstrap
from switchover.switch.envoy.process import MOST_LOG_BYTES, EnvoySupervisor
from switchover.switch.envoy.running import ProcessIdentity, RunningProcess


def _alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


async def _pid(supervisor: EnvoySupervisor) -> int:
    await asyncio.wait_for(supervisor.started.wait(), 60)
    assert supervisor.pid is not None
    return supervisor.pid


async def test_envoy_accepts_the_bootstrap() -> None:
    async with envoy_node() as node:
        node.directory.mkdir()
        file = node.directory / "checked.json"
        file.write_text(
            embedded_bootstrap(
                node_id="n", xds_socket=node.xds_socket, admin_socket=node.directory / "a.sock"
            )
        )

        checked = await asyncio.create_subprocess_exec(
            *(find_envoy(), "--mode", "validate", "-c", file), stderr=asyncio.subprocess.PIPE
        )
        _, words = await asyncio.wait_for(checked.communicate(), 60)

    assert checked.returncode == 0, words
    assert b"[warning]" not in words


async def test_envoy_outlives_its_supervisor_and_is_adopted_under_load() -> None:
    port = free_port()
    async with envoy_node() as node, backend("a") as a:
        wanted = plan([endpoint(a)], port=port)
        async with control_plane(node.xds_socket) as driver:
            await driver.start([wanted])
            first = await node.start()
            await answered_by(port, "a")

        async with load(port, rate=200) as running:
            supervisor = node.new_supervisor()
            async with control_plane(node.xds_socket) as driver, background(supervisor.run()):
                await driver.start([wanted])
                assert await _pid(supervisor) == first
                assert (await driver.apply(wanted, APPLY_SECONDS)).kind is ReceiptKind.APPLIED
                supervisor.leave()

        assert running.failures == []
        assert _alive(first)


async def test_a_cancelled_supervisor_leaves_envoy_serving() -> None:
    async with envoy_node() as node:
        supervisor = node.new_supervisor()
        async with background(supervisor.run()):
            pid = await _pid(supervisor)

        assert _alive(pid)
        assert os.getsid(pid) == pid  # no signal to our terminal's group reaches it


async def test_an_envoy_that_dies_is_started_again_and_has_its_configuration() -> None:
    port = free_port()
    async with envoy_node() as node, backend("a") as a, control_plane(node.xds_socket) as driver:
        await driver.start([plan([endpoint(a)], port=port)])
        supervisor = node.new_supervisor()
        async with background(supervisor.run()):
            first = await _pid(supervisor)
            await answered_by(port, "a")

            os.kill(first, signal.SIGKILL)

            second = await eventually(lambda: supervisor.pid not in {None, first} and supervisor.pid)
            await answered_by(port, "a")
            assert not psutil.pid_exists(first)  # reaped: no zombie stays
            assert second != first


async def test_an_envoy_that_was_started_differently_is_drained_and_replaced() -> None:
    async with envoy_node() as node:
        first = await node.start()

        supervisor = node.new_supervisor(node_id="another-name")
        async with background(supervisor.run()):
            second = await _pid(supervisor)

            assert second != first
            assert not _alive(first)
            info = await AdminClient(supervisor.paths.admin_socket).server_info()
            assert info.node_id == "another-name"


async def test_a_frozen_envoy_can_be_ended() -> None:
    async with envoy_node() as node:
        pid = await node.start()
        os.kill(pid, signal.SIGSTOP)

        assert await node.new_supervisor().drain_and_stop(1)

        assert not _alive(pid)


async def test_draining_lets_requests_finish_and_ends_the_process() -> None:
    port = free_port()
    async with envoy_node() as node, backend("a") as a, control_plane(node.xds_socket) as driver:
        await driver.start([plan([endpoint(a)], port=port)])
        pid = await node.start()
        await answered_by(port, "a")
        slow = asyncio.ensure_future(
            Load(host="127.0.0.1", port=port, target="/?delay=2.5", method="POST").one()
        )
        await eventually(lambda: _active(node, 1))

        assert await node.new_supervisor().drain_and_stop(30)

        assert (await slow).failure is None
        assert not _alive(pid)
        assert not node.supervisor.paths.process_file.exists()
        await refused(port)


async def _active(node: EnvoyNode, count: int) -> bool:
    return await AdminClient(node.supervisor.paths.admin_socket).active_requests() == count


async def test_draining_gives_up_after_its_deadline() -> None:
    port = free_port()
    async with envoy_node() as node, backend("a") as a, control_plane(node.xds_socket) as driver:
        await driver.start([plan([endpoint(a)], port=port)])
        pid = await node.start()
        await answered_by(port, "a")
        endless = asyncio.ensure_future(
            Load(host="127.0.0.1", port=port, target="/?delay=600", method="POST").one()
        )
        await eventually(lambda: _active(node, 1))

        assert await node.new_supervisor().drain_and_stop(1.5)

        assert not _alive(pid)
        assert (await endless).failure is not None


async def test_draining_while_supervised_ends_the_supervision_too() -> None:
    async with envoy_node() as node:
        supervisor = node.new_supervisor()
        async with background(supervisor.run()) as running:
            pid = await _pid(supervisor)

            assert await supervisor.drain_and_stop(5)

            await asyncio.wait_for(running, 30)
            assert not psutil.pid_exists(pid)


async def test_without_a_process_there_is_nothing_to_end() -> None:
    async with envoy_node() as node:
        assert not await node.new_supervisor().drain_and_stop(5)


async def test_a_process_that_got_the_old_number_is_neither_adopted_nor_ended() -> None:
    async with envoy_node() as node:
        await node.start()
        file = node.supervisor.paths.process_file
        ours = ProcessIdentity.read(file)
        assert ours is not None
        await node.stop()
        # The number now belongs to somebody else: the file's start time is not theirs.
        stranger = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(600)")
        try:
            ProcessIdentity(
                pid=stranger.pid, start_ticks=ours.start_ticks, boot_id=ours.boot_id, purpose=ours.purpose
            ).write(file)

            assert not await node.new_supervisor().drain_and_stop(1)
            envoy = await node.start()

            assert envoy != stranger.pid
            assert stranger.returncode is None
            assert _alive(stranger.pid)
        finally:
            stranger.kill()
            await stranger.wait()


async def test_a_garbled_process_file_is_ignored() -> None:
    async with envoy_node() as node:
        node.directory.mkdir()
        node.supervisor.paths.process_file.write_text("{not json")

        assert _alive(await node.start())


async def test_the_files_are_for_us_alone_and_the_log_is_bounded() -> None:
    async with envoy_node() as node:
        paths = node.supervisor.paths
        node.directory.mkdir()
        paths.log.write_bytes(b"old\n" * (MOST_LOG_BYTES // 4 + 1))

        await node.start()

        assert paths.directory.stat().st_mode & 0o777 == 0o700
        assert paths.bootstrap.stat().st_mode & 0o777 == 0o600
        assert paths.admin_socket.stat().st_mode & 0o777 == 0o600
        assert paths.log.stat().st_size < 1_000_000


async def test_envoy_inherits_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHOVER_SECRET", "not-for-children")
    async with envoy_node() as node:
        pid = await node.start()

        assert psutil.Process(pid).environ() == {}


async def test_a_binary_that_does_not_run_is_our_error() -> None:
    async with envoy_node() as node:
        supervisor = EnvoySupervisor(
            binary=node.directory / "missing", directory=node.directory, node_id="n", clock=SystemClock()
        )

        with pytest.raises(OwnError, match="cannot start"):
            await supervisor.run()


async def test_an_envoy_that_cannot_start_is_told_of_with_its_last_words_and_tried_again() -> None:
    async with envoy_node() as node:
        supervisor = node.new_supervisor()
        supervisor.paths.admin_socket.mkdir(parents=True)  # where Envoy wants its socket
        with capture_logs() as logs:
            async with background(supervisor.run()):
                ended = await eventually(lambda: [log for log in logs if log["event"] == "envoy_ended"])
                supervisor.paths.admin_socket.rmdir()
                assert _alive(await _pid(supervisor))

        assert "envoy-admin.sock" in ended[0]["words"]


async def test_a_silent_admin_socket_is_unreachable() -> None:
    async with envoy_node() as node:
        with pytest.raises(AdminUnreachable):
            await AdminClient(node.directory / "nobody.sock").server_info()


async def test_a_process_is_seen_to_end_once() -> None:
    async with envoy_node() as node:
        node.directory.mkdir()
        process = RunningProcess.start(
            ("/bin/sh", "-c", "exit 3"), log=node.directory / "log", purpose="test"
        )
        try:
            await asyncio.wait_for(process.exited.wait(), 30)
            assert RunningProcess.find(process.identity) is None
            process.signal(signal.SIGTERM)  # nobody is hit
        finally:
            process.close()
