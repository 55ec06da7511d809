"""Options that several commands share, and how they find the server."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from switchover.cli.client import Api
from switchover.cli.failures import CommandFailed, ExitCode, wrong_usage

DEFAULT_DATA_DIR = Path(".switchover")
_TOKEN_SECONDS = 300

if TYPE_CHECKING:
    from switchover.app.settings import Settings

UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="SWITCHOVER_URL",
        metavar="URL",
        help="The API; found in the data directory if missing.",
    ),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar="SWITCHOVER_TOKEN",
        metavar="TOKEN",
        help="What to sign in with; made from the data directory's secret if missing. The variable keeps it out of the process list.",
    ),
]
DataDirOption = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        envvar="SWITCHOVER_DATA_DIR",
        metavar="DIR",
        help="Where `switchover up` keeps its state.",
    ),
]
SettingsDataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", metavar="DIR", help="Where `switchover up` keeps its state (default: ./.switchover)."
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings as a TOML file; SWITCHOVER_* variables win."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
ProxyArgument = Annotated[str, typer.Argument(metavar="PROXY", help="The proxy's id.")]
EventArgument = Annotated[str, typer.Argument(metavar="EVENT", help="The event's id.")]
InstanceArgument = Annotated[str, typer.Argument(metavar="INSTANCE", help="The instance's name or id.")]


def connect(url: str | None, token: str | None, data_dir: Path) -> Api:
    """The API that these options mean. What is missing comes from the data directory: the address that the running
    `up` wrote there, and a short-lived admin token from its secret.

    Raises:
        CommandFailed: The data directory knows of no running server, or a `url` from elsewhere comes without a token:
            a token of this machine's secret is not sent to another server.
    """
    if url is not None and token is not None:
        return Api(url, token)
    # Settings take 0.2 s to import, and `--help` needs none.
    from switchover.app.datadir import DataDir  # noqa: PLC0415

    local = DataDir(data_dir).endpoint() if data_dir.is_dir() else None
    if url is not None and (local is None or url.rstrip("/") != local.rstrip("/")):
        raise wrong_usage(
            f"--token: is missing; {url} is not the server of {data_dir}, whose secret could make one"
        )
    if local is None:
        raise CommandFailed(
            f"no server is known in {data_dir}; start one with `switchover up`, or give --url and --token",
            ExitCode.UNREACHABLE,
        )
    return Api(local, token if token is not None else _operator_token(data_dir))


def settings_from(config: Path | None, data_dir: Path | None, **others: object) -> "Settings":
    """The process settings; what is None here is left to the environment and to the file `config`.

    Raises:
        InvalidInput: A setting is not valid.
    """
    from switchover.app.settings import load_settings  # noqa: PLC0415 - see `connect`

    given = {"data_dir": data_dir, **others}
    return load_settings(config, **{name: value for name, value in given.items() if value is not None})


def _operator_token(data_dir: Path) -> str:
    from switchover.app.datadir import DataDir  # noqa: PLC0415 - see `connect`
    from switchover.app.operator import operator_name  # noqa: PLC0415 - see `connect`
    from switchover.app.token import create_token  # noqa: PLC0415 - see `connect`

    settings = settings_from(None, data_dir)
    return create_token(DataDir(data_dir), settings, operator_name(), ["admin"], _TOKEN_SECONDS)
