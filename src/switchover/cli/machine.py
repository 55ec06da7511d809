"""What concerns this machine alone: tokens, the database, and what is missing here."""

from typing import Annotated

import typer

from switchover.api.auth.roles import Role
from switchover.cli.failures import ExitCode
from switchover.cli.options import (
    ConfigOption,
    JsonOption,
    SettingsDataDirOption,
    settings_from,
)
from switchover.cli.terminal import print_json, results, say, styled
from switchover.cli.times import seconds

token = typer.Typer(help="Make tokens for the API.", no_args_is_help=True)
database = typer.Typer(help="Care for the database.", no_args_is_help=True)


@token.command("create")
def create_token(
    user: Annotated[str, typer.Option("--user", help="Who the token is for; proxies belong to users.")],
    role: Annotated[
        list[str], typer.Option("--role", help=f"One of {', '.join(Role)}; may be given several times.")
    ],
    ttl: Annotated[
        str, typer.Option("--ttl", help="How long it is valid: a number and s, m, h or d.")
    ] = "24h",
    config: ConfigOption = None,
    data_dir: SettingsDataDirOption = None,
) -> None:
    """Print a token for the API, alone on standard output. Works while `up` runs."""
    from switchover.app.datadir import DataDir  # noqa: PLC0415 - settings take 0.2 s to import
    from switchover.app.token import create_token as made  # noqa: PLC0415 - settings take 0.2 s to import

    settings = settings_from(config, data_dir)
    say(made(DataDir(settings.data_dir), settings, user, role, int(seconds("--ttl", ttl))))


@database.command("upgrade")
def upgrade_database(
    *,
    post: Annotated[
        bool,
        typer.Option(
            "--post", help="Finish: take the steps too that replicas of the version before cannot live with."
        ),
    ] = False,
    config: ConfigOption = None,
    data_dir: SettingsDataDirOption = None,
) -> None:
    """Bring the database's tables to this version; replicas of the version before work on. `up` does it by itself."""
    from switchover.app.database import upgrade_database as upgrade  # noqa: PLC0415 - SQLAlchemy takes 0.3 s to import

    done = upgrade(settings_from(config, data_dir), post=post)
    if done.before == done.after:
        say(f"The database is at {done.after} already.")
    else:
        say(
            f"The database is at {done.after}; it was {'empty' if done.before is None else f'at {done.before}'}."
        )
    if not done.is_finished:
        say("When no replica of an older version runs any more, finish with `switchover db upgrade --post`.")


def doctor(
    *, as_json: JsonOption = False, config: ConfigOption = None, data_dir: SettingsDataDirOption = None
) -> None:
    """Look for what is missing on this machine, and name the command that mends it. Changes nothing."""
    from switchover.app.doctor import Grade, examine  # noqa: PLC0415 - SQLAlchemy takes 0.3 s to import

    findings = examine(settings_from(config, data_dir))
    failed = any(finding.grade is Grade.MISSING for finding in findings)
    if as_json:
        print_json([finding.as_json() for finding in findings])
    else:
        signs = {Grade.WELL: ("✓", "green"), Grade.DOUBTFUL: ("!", "yellow"), Grade.MISSING: ("✗", "red")}
        console = results()
        for finding in findings:
            sign, style = signs[finding.grade]
            line = styled(f"{sign} {finding.subject}: ", style)
            line.append_text(styled(finding.detail))
            console.print(line)
            if finding.mend is not None:
                console.print(styled(f"    {finding.mend}", "bold"))
    if failed:
        raise typer.Exit(ExitCode.FAILED)
