"""The console entry point: which command is which, and what an error becomes."""

import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Annotated

import typer
from pydantic import ValidationError

from switchover.app.declaration import InvalidDeclaration
from switchover.app.policy_file import InvalidPolicyFile
from switchover.cli import (
    automation,
    draining,
    drilling,
    explaining,
    machine,
    ordering,
    recovering,
    serving,
    viewing,
)
from switchover.cli.apply import apply
from switchover.cli.demo.command import demo
from switchover.cli.failures import EXIT_CODES_HELP, CommandFailed, ExitCode
from switchover.cli.node import node
from switchover.cli.simulating import simulate
from switchover.cli.terminal import complain
from switchover.model.errors import InvalidInput, SwitchoverError
from switchover.model.instance import AdminState

_SERVE, _WATCH, _ORDER, _MACHINE = "Serve", "Look", "Order", "This machine"


_COMMANDS: Sequence[tuple[str, Sequence[tuple[str, Callable[..., None]]]]] = (
    (_SERVE, (("up", serving.up), ("serve", serving.serve), ("down", serving.down), ("demo", demo))),
    (
        _WATCH,
        (
            ("status", viewing.status),
            ("events", viewing.events),
            ("explain", explaining.explain),
            ("replay", explaining.replay),
            ("simulate", simulate),
        ),
    ),
    (
        _ORDER,
        (
            ("apply", apply),
            ("switch", ordering.switch),
            ("pin", ordering.pin),
            ("unpin", ordering.unpin),
            ("undamp", ordering.undamp),
            ("unschedule", ordering.unschedule),
            ("drill", drilling.drill),
            ("pause", automation.pause),
            ("resume", automation.resume),
            ("rules", automation.rules),
            ("gate", automation.gate),
            ("recover", recovering.recover),
            ("secret", recovering.secret),
            ("ready", draining.ready),
            (
                "drain",
                draining.away_command(AdminState.DRAIN, "Move traffic off an instance; it is still probed."),
            ),
            (
                "maintenance",
                draining.away_command(
                    AdminState.MAINTENANCE, "Move traffic off an instance that is being worked on."
                ),
            ),
        ),
    ),
    (_MACHINE, (("doctor", machine.doctor),)),
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer hands over the option's value
    if wanted:
        sys.stdout.write(f"switchover {version('switchover')}\n")
        raise typer.Exit


def build() -> typer.Typer:
    """The command line with all its commands."""
    app = typer.Typer(
        name="switchover",
        help="Keeps a service reachable when the thing that serves it dies.",
        epilog=EXIT_CODES_HELP,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def _root(
        *,
        _version: Annotated[
            bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
        ] = False,
    ) -> None:
        pass

    for panel, commands in _COMMANDS:
        for name, function in commands:
            app.command(name, rich_help_panel=panel, epilog=EXIT_CODES_HELP)(function)
    app.add_typer(machine.token, name="token", rich_help_panel=_MACHINE)
    app.add_typer(machine.database, name="db", rich_help_panel=_MACHINE)
    app.add_typer(node, name="node", rich_help_panel=_MACHINE)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit code. Expected errors are told on standard error, in one line or one per problem."""
    try:
        code = build()(args=list(arguments), standalone_mode=False, prog_name="switchover")
        sys.stdout.flush()
        return int(code or ExitCode.OK)
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader is gone; what is buffered must not raise again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.BROKEN_PIPE
    except (CommandFailed, SwitchoverError, typer.TyperException, OSError) as error:
        message, code = _told(error)
        lines = message.splitlines()
        for line in lines:
            complain(line if len(lines) > 1 else f"switchover: {line}")
        return code


def _told(error: Exception) -> tuple[str, int]:
    match error:
        case CommandFailed():
            return error.message, error.exit_code
        case InvalidInput():
            return "\n".join(str(problem) for problem in error.problems), ExitCode.USAGE
        case InvalidDeclaration() | InvalidPolicyFile():
            return str(error), ExitCode.USAGE
        case typer.TyperException():
            return _told_of_usage(error), error.exit_code
        case _:
            return str(error), ExitCode.FAILED


def _told_of_usage(error: typer.TyperException) -> str:
    match error:
        case typer.BadParameter(__cause__=ValidationError() as cause, param=param) if param is not None:
            problem = cause.errors()[0]
            value, words = problem["input"], problem["msg"]
            message = f"{max(param.opts, key=len)}: {value!r} is not valid; {words[:1].lower()}{words[1:]}"
        case _:
            message = error.format_message()
    if not message:
        return ""
    context = getattr(error, "ctx", None)
    command = "switchover" if context is None else context.command_path
    end = "" if message.endswith((".", "?")) else "."
    return f"{message}{end} `{command} --help` lists what there is."


def main() -> None:
    """The `switchover` command."""
    sys.exit(run(sys.argv[1:]))
