"""`switchover up`, `serve` and `down`: the process itself, and its end."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from switchover.cli.failures import CommandFailed, ExitCode
from switchover.cli.options import (
    DEFAULT_DATA_DIR,
    ConfigOption,
    DataDirOption,
    SettingsDataDirOption,
    settings_from,
)
from switchover.cli.terminal import say

if TYPE_CHECKING:
    from switchover.app.process import Announcement

HostOption = Annotated[
    str | None,
    typer.Option("--host", metavar="ADDRESS", help="Where the API listens (default: 127.0.0.1)."),
]
PortOption = Annotated[
    int | None, typer.Option("--port", min=0, max=65535, help="Where the API listens (default: 8700).")
]
LogLevelOption = Annotated[
    str | None,
    typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error (default: info)."),
]
LogFormatOption = Annotated[
    str | None, typer.Option("--log-format", metavar="FORMAT", help="console or json (default: console).")
]


def up(
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", "-f", metavar="FILE", help="Apply this declarative file (YAML) once it serves."
        ),
    ] = None,
    config: ConfigOption = None,
    data_dir: SettingsDataDirOption = None,
    host: HostOption = None,
    port: PortOption = None,
    envoy: Annotated[
        Path | None,
        typer.Option(
            "--envoy",
            "--envoy-binary",
            metavar="PATH",
            help="The Envoy to start (default: the first one found).",
        ),
    ] = None,
    stop_envoy_on_term: Annotated[
        bool | None,
        typer.Option(
            "--stop-envoy-on-term", help="End the Envoy on SIGTERM too; for containers.", show_default=False
        ),
    ] = None,
    log_level: LogLevelOption = None,
    log_format: LogFormatOption = None,
) -> None:
    """Serve everything on this machine: the API, the control loop, an embedded store and a supervised Envoy.

    SIGTERM leaves the Envoy serving and the next `up` adopts it; Ctrl-C drains and ends it. Options win over
    SWITCHOVER_* variables, which win over the file that --config names.
    """
    # The server's parts take most of a second to import, and no other command needs them.
    from switchover.app.serve import serve_up  # noqa: PLC0415

    settings = settings_from(
        config,
        data_dir,
        host=host,
        port=port,
        envoy_binary=envoy,
        stop_envoy_on_term=stop_envoy_on_term,
        log_level=log_level,
        log_format=log_format,
    )
    raise typer.Exit(asyncio.run(serve_up(settings, proxies_file=file, announce=_announce)))


def serve(
    config: ConfigOption = None,
    database_url: Annotated[
        str | None,
        typer.Option(
            "--database-url",
            metavar="URL",
            help="The PostgreSQL that all replicas share. SWITCHOVER_DATABASE_URL keeps its password out of the process list.",
        ),
    ] = None,
    host: HostOption = None,
    port: PortOption = None,
    replica_name: Annotated[
        str | None,
        typer.Option(
            "--replica-name", metavar="NAME", help="Its name among the replicas (default: the machine's)."
        ),
    ] = None,
    advertise_url: Annotated[
        str | None,
        typer.Option(
            "--advertise-url",
            metavar="URL",
            help="Where the other replicas reach this one's API (default: where it listens).",
        ),
    ] = None,
    lease_seconds: Annotated[
        float | None,
        typer.Option(
            "--lease-seconds",
            metavar="SECONDS",
            help="How long a replica that died keeps its proxies from the others (default: 10).",
        ),
    ] = None,
    log_level: LogLevelOption = None,
    log_format: LogFormatOption = None,
) -> None:
    """Serve as one of several replicas over one PostgreSQL: the API and the control loop, for remote nodes.

    Needs SWITCHOVER_JWT_SECRET or SWITCHOVER_JWT_JWKS_URL, the same at every replica, and tables that `switchover db
    upgrade` made. SIGTERM and Ctrl-C hand its proxies over to the other replicas. Options win over SWITCHOVER_*
    variables, which win over the file that --config names.
    """
    from switchover.app.replica import serve_replica  # noqa: PLC0415 - see `up`

    settings = settings_from(
        config,
        None,
        database_url=database_url,
        host=host,
        port=port,
        replica_name=replica_name,
        advertise_url=advertise_url,
        lease_seconds=lease_seconds,
        log_level=log_level,
        log_format=log_format,
    )
    raise typer.Exit(asyncio.run(serve_replica(settings, announce=_announce)))


def down(
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, metavar="SECONDS", help="How long it may take.")
    ] = 30.0,
) -> None:
    """End what `up` started on a data directory, the Envoy included; requests that are in flight are finished first."""
    from switchover.app.datadir import DataDir  # noqa: PLC0415 - see `up`
    from switchover.app.stop import stop_running  # noqa: PLC0415 - see `up`

    if not data_dir.is_dir():
        raise CommandFailed(f"{data_dir} is no data directory; --data-dir names another", ExitCode.USAGE)
    say(asyncio.run(stop_running(DataDir(data_dir), timeout)))


def _announce(announcement: "Announcement") -> None:
    for line in announcement.lines:
        say(line)
    sys.stdout.flush()
