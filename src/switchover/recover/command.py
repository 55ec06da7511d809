"""Recovery by a command that the operator of this process named in its configuration file."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence

import structlog

from switchover.model.recovery import RecoveryAnswer, RecoveryCall
from switchover.recover.recoverer import Recoverer, shortened

_log = structlog.get_logger(__name__)

MOST_OUTPUT_BYTES = 4096
"""How much of a command's output may be logged; the rest is read and dropped."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PIECE = 65536


class CommandRecoverer(Recoverer):
    """Runs a named command: a list of arguments, no shell, and an environment of nothing but PATH and the call's facts.

    A user of the API names a command and cannot write one. What they say of their instance reaches the command by
    variables, so that no argument is made of it. Exit status 0 is accepted. After `timeout_seconds` the command and
    what it started in its session is killed. What it leaves running must not write into its output: nobody reads it
    any more.

    Args:
        commands: Name → program and arguments; the program by its whole path, or looked up in `PATH`.
        timeout_seconds: For one run, above 0.
    """

    def __init__(self, commands: Mapping[str, Sequence[str]], *, timeout_seconds: float) -> None:
        self._commands = {name: tuple(argv) for name, argv in commands.items()}
        self._timeout_seconds = timeout_seconds

    async def recover(self, call: RecoveryCall) -> RecoveryAnswer:
        """See `Recoverer.recover`."""
        argv = self._commands.get(call.action.command or "")
        if argv is None:
            return RecoveryAnswer(
                accepted=False, detail=f"this process knows no recovery command {call.action.command!r}"
            )
        reading, writing = os.pipe()
        output = _Output(reading)
        try:
            # Our own pipe: asyncio would wait for its end, which a server that the command started keeps open.
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                env=facts_of(call),
                cwd="/",
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            output.close()
            return RecoveryAnswer(accepted=False, detail=shortened(f"{argv[0]}: {error}"))
        finally:
            os.close(writing)
        try:
            answer = await self._wait(process)
            # Into our log and not into the event: what it prints is the operator's, the event is the proxy owner's too.
            _log.info(
                "recovery command ended",
                command=call.action.command,
                proxy_id=call.proxy_id,
                instance_id=str(call.instance_id),
                event_id=str(call.event_id),
                attempt=call.attempt,
                accepted=answer.accepted,
                ended=answer.detail,
                output=shortened(output.text()),
            )
        finally:
            output.close()
        return answer

    async def _wait(self, process: asyncio.subprocess.Process) -> RecoveryAnswer:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                status = await process.wait()
        except TimeoutError:
            await _kill(process)
            return RecoveryAnswer(accepted=False, detail=f"killed after {self._timeout_seconds:g} s")
        except asyncio.CancelledError:
            await asyncio.shield(_kill(process))
            raise
        words = f"exit status {status}" if status >= 0 else f"ended by signal {-status}"
        return RecoveryAnswer(accepted=status == 0, detail=words)


def facts_of(call: RecoveryCall) -> dict[str, str]:
    """The whole environment of a command."""
    address = call.address
    return {
        "PATH": PATH,
        "RECOVERY_EVENT_ID": str(call.event_id),
        "RECOVERY_ATTEMPT": str(call.attempt),
        "RECOVERY_MOST_ATTEMPTS": str(call.most_attempts),
        "RECOVERY_KEY": call.key,
        "RECOVERY_OWNER_ID": call.owner_id,
        "RECOVERY_PROXY_ID": call.proxy_id,
        "RECOVERY_INSTANCE_ID": str(call.instance_id),
        "RECOVERY_INSTANCE_NAME": call.instance_name,
        "RECOVERY_INSTANCE_TYPE": call.instance_type,
        "RECOVERY_INSTANCE_HOST": "" if address is None else address.host,
        "RECOVERY_INSTANCE_PORT": "" if address is None else str(address.port),
        "RECOVERY_REASON": call.reason,
    }


class _Output:
    """The reading end of a command's output: drained as it comes, the beginning kept."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._kept = bytearray()
        os.set_blocking(descriptor, False)
        asyncio.get_running_loop().add_reader(descriptor, self._read)
        self._is_read = True

    def text(self) -> str:
        """What is kept, once the command has ended."""
        self._read()
        return self._kept.decode("utf-8", "replace").strip()

    def close(self) -> None:
        """Stop reading."""
        self._unwatch()
        os.close(self._descriptor)

    def _read(self) -> None:
        try:
            piece = os.read(self._descriptor, _PIECE)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            self._unwatch()
        self._kept += piece[: MOST_OUTPUT_BYTES - len(self._kept)]

    def _unwatch(self) -> None:
        if self._is_read:
            self._is_read = False
            asyncio.get_running_loop().remove_reader(self._descriptor)


async def _kill(process: asyncio.subprocess.Process) -> None:
    # Its session is its own, so this reaches what it started and nobody else.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
