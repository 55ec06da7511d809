"""Where the embedded Envoy's files are."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from switchover.model.errors import OwnError

MOST_SOCKET_PATH_BYTES = 100
"""A unix socket's path holds 107 bytes on Linux (unix(7)); some are left for what libraries append."""

_LONGEST_SOCKET_NAME = "envoy-admin.sock"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvoyPaths:
    """The files of one embedded Envoy.

    Attributes:
        directory: Its own directory, mode 0700, for everything but sockets.
        sockets: The directory of its sockets, mode 0700; the same one unless its path is too long.
    """

    directory: Path
    sockets: Path

    @property
    def xds_socket(self) -> Path:
        """Where we serve xDS."""
        return self.sockets / "xds.sock"

    @property
    def admin_socket(self) -> Path:
        """Envoy's admin interface."""
        return self.sockets / _LONGEST_SOCKET_NAME

    @property
    def bootstrap(self) -> Path:
        """Envoy's start-up configuration."""
        return self.directory / "envoy.json"

    @property
    def process_file(self) -> Path:
        """Which process it is."""
        return self.directory / "envoy.pid"

    @property
    def log(self) -> Path:
        """What Envoy prints."""
        return self.directory / "envoy.log"


def envoy_paths(directory: Path, runtime_directory: Path) -> EnvoyPaths:
    """The paths for an Envoy that lives in `directory` (absolute). Pure.

    Sockets whose path would pass `MOST_SOCKET_PATH_BYTES` go to a directory below `runtime_directory` that is named
    after `directory`, so that the next process finds it again.

    Raises:
        OwnError: Even that path is too long.
    """
    sockets = directory
    if _too_long(sockets):
        digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
        sockets = runtime_directory / f"switchover-{digest}"
    if _too_long(sockets):
        raise OwnError(
            f"socket paths in {directory} and in {runtime_directory} are both too long; use a shorter one"
        )
    return EnvoyPaths(directory=directory, sockets=sockets)


def runtime_directory() -> Path:
    """Where short-lived files of this user go: `/run/user/UID` (XDG base directories), else the temporary directory."""
    of_user = Path(f"/run/user/{os.geteuid()}")
    return of_user if of_user.is_dir() else Path(tempfile.gettempdir())


def _too_long(sockets: Path) -> bool:
    return len(os.fsencode(sockets / _LONGEST_SOCKET_NAME)) > MOST_SOCKET_PATH_BYTES


def make_private(directory: Path) -> None:
    """Make `directory` with mode 0700.

    Raises:
        OwnError: It exists and is somebody else's, or no directory, or cannot be made: then others could reach
            Envoy's admin interface.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = directory.lstat().st_uid
        if directory.is_symlink() or owner != os.geteuid():
            raise OwnError(f"{directory} is not a directory of ours (its owner is uid {owner}); remove it")
        directory.chmod(0o700)
    except OSError as error:
        raise OwnError(f"cannot make {directory}: {error}") from error
