"""The data directory: secret, lock, and where the running process is to be found."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from switchover.model.errors import Conflict, OperatorError, OwnError

_SECRET_BYTES = 32


class UnusableDataDir(OperatorError):  # noqa: N818 - it names a condition
    """The data directory cannot be made, read or written; the message says why."""


class DataDir:
    """One directory, mode 0700, of one running switchover at most.

    Args:
        path: The directory; made when something is first written there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def database_url(self) -> str:
        """The embedded database."""
        return f"sqlite+aiosqlite:///{self.path / 'switchover.db'}"

    @property
    def envoy(self) -> Path:
        """The directory of the embedded Envoy."""
        return self.path / "envoy"

    def make(self) -> None:
        """Make the directory, for its owner alone.

        Raises:
            UnusableDataDir: It cannot be made or is not writable.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except FileExistsError as error:
            raise UnusableDataDir(f"--data-dir {self.path}: is not a directory") from error
        except OSError as error:
            raise UnusableDataDir(
                f"--data-dir {self.path}: cannot be made: {error.strerror or error}"
            ) from error
        if not self.path.is_dir() or not os.access(self.path, os.W_OK | os.X_OK):
            raise UnusableDataDir(f"--data-dir {self.path}: is not a directory that we may write to")

    def secret(self) -> bytes:
        """The shared secret of tokens; generated once, mode 0600.

        Raises:
            UnusableDataDir: The file cannot be read, is not for its owner alone, or holds no secret.
        """
        self.make()
        file = self.path / "secret"
        if not file.exists():
            self._write_secret(file)
        try:
            mode = file.stat().st_mode & 0o777
            if mode & 0o077:
                raise UnusableDataDir(f"{file}: others may read it (mode {mode:04o}); run chmod 600 {file}")
            return _secret_in(file.read_bytes())
        except OSError as error:
            raise UnusableDataDir(f"{file}: cannot be read: {error.strerror or error}") from error
        except ValueError as error:
            raise UnusableDataDir(
                f"{file}: holds no secret; allowed are {2 * _SECRET_BYTES} hexadecimal digits or more. Once it is "
                "removed, another is made, and tokens of the old one are refused"
            ) from error

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the directory for this process; given back by the kernel when the process dies.

        Raises:
            Conflict: Another process holds it.
        """
        self.make()
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
                raise Conflict(
                    f"--data-dir {self.path}: another switchover runs on it (process {holder}); "
                    "end it with `switchover down`, or choose another directory"
                ) from None
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
            self._endpoint_file.unlink(missing_ok=True)
        finally:
            os.close(descriptor)

    def pid(self) -> int | None:
        """The process that holds the directory; None when none does."""
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
                return int(text) if text.isdigit() else None
            return None
        finally:
            os.close(descriptor)

    def publish_endpoint(self, url: str) -> None:
        """Note where the API of this process is."""
        temporary = self._endpoint_file.with_suffix(".new")
        temporary.write_text(json.dumps({"url": url, "pid": os.getpid()}), encoding="utf-8")
        temporary.replace(self._endpoint_file)

    def endpoint(self) -> str | None:
        """The API's URL of the process that holds the directory; None when none does."""
        try:
            noted = json.loads(self._endpoint_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        url, pid = noted.get("url"), noted.get("pid")
        return url if isinstance(url, str) and pid is not None and pid == self.pid() else None

    @property
    def _endpoint_file(self) -> Path:
        return self.path / "endpoint.json"

    def _write_secret(self, file: Path) -> None:
        # Written whole under another name and linked: two processes at once end up with the same secret.
        temporary = self.path / f"secret.{os.getpid()}.{secrets.token_hex(4)}"
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as stream:
                stream.write(secrets.token_hex(_SECRET_BYTES) + "\n")
                stream.flush()
                os.fsync(stream.fileno())
            try:
                os.link(temporary, file)
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
        except OSError as error:
            raise OwnError(f"{file}: cannot be written: {error}") from error


def _secret_in(content: bytes) -> bytes:
    secret = bytes.fromhex(content.decode("ascii").strip())
    if len(secret) < _SECRET_BYTES:
        raise ValueError(f"{len(secret)} bytes")
    return secret
