"""What bounds automation: `pause`, `resume`, `rules` and `gate`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from switchover.cli.automation_tables import automation_drawn
from switchover.cli.automation_views import automation_view
from switchover.cli.client import Document
from switchover.cli.failures import CommandFailed, wrong_usage
from switchover.cli.options import (
    DEFAULT_DATA_DIR,
    DataDirOption,
    JsonOption,
    TokenOption,
    UrlOption,
    connect,
)
from switchover.cli.terminal import print_json, results, say
from switchover.cli.times import seconds, shown

_GATE_STATES = ("on", "off", "remove")

ProxyOption = Annotated[str | None, typer.Argument(metavar="[PROXY]", help="One proxy.")]
UserOption = Annotated[
    str | None, typer.Option("--user", metavar="USER", help="The proxies of one user; `me` is yourself.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Everything. For admins.")]


def pause(
    *,
    proxy: ProxyOption = None,
    user: UserOption = None,
    everything: AllOption = False,
    reason: Annotated[str, typer.Option("--reason", help="Why; `switchover status` shows it.")],
    span: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="End by itself after this time, such as 30m, 2h or 1d."),
    ] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Stop automation: nothing moves unless a person orders it. Probing and serving go on."""
    scope = _scope(proxy, user, everything=everything)
    body: dict[str, Any] = {"reason": reason}
    if span is not None:
        body["forSeconds"] = seconds("--for", span)
    with connect(url, token, data_dir) as api:
        paused = automation_view(api.pause(scope, body)).pause
    if paused is None:
        raise CommandFailed(f"automation of {scope} was paused, and is not paused any more")
    end = "until `switchover resume`" if paused.until is None else f"until {shown(paused.until)}"
    say(f"Automation of {scope} is paused {end}.")


def resume(
    *,
    proxy: ProxyOption = None,
    user: UserOption = None,
    everything: AllOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Let automation run again. What a wider scope has paused stays so."""
    scope = _scope(proxy, user, everything=everything)
    with connect(url, token, data_dir) as api:
        api.resume(scope)
    say(f"Automation of {scope} is not paused.")


def rules(
    *,
    proxy: ProxyOption = None,
    user: UserOption = None,
    everything: AllOption = False,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", metavar="FILE", help="Set the rules to what this YAML file says."),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take the rules away.")] = False,
    as_json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Show what bounds automation in a scope: its pause, safety rules and gates; or set its rules.

    The rules of a proxy are part of its configuration too, which `switchover apply` sets.
    """
    scope = _scope(proxy, user, everything=everything)
    if file is not None and clear:
        raise wrong_usage("--clear: does not go together with --file")
    wanted = None if file is None else _read(file)
    with connect(url, token, data_dir) as api:
        if wanted is not None:
            document = api.set_rules(scope, wanted)
        elif clear:
            document = api.clear_rules(scope)
        else:
            document = api.automation(scope)
    if as_json:
        print_json(document)
    else:
        automation_drawn(results(), automation_view(document))


def gate(
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The gate.")],
    state: Annotated[str, typer.Argument(metavar="on|off|remove", help="How it is to stand.")],
    user: UserOption = None,
    everything: Annotated[bool, typer.Option("--all", help="A gate of the fleet. For admins.")] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, for whoever looks.")] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Set a gate, one of your own by default. A rule that names one lets nothing move while it is off.

    `switchover rules --user me` shows them.
    """
    if state not in _GATE_STATES:
        raise wrong_usage(f"{state!r}: is not valid; allowed are {', '.join(_GATE_STATES)}")
    scope = _scope(None, user if user is not None or everything else "me", everything=everything)
    with connect(url, token, data_dir) as api:
        if state == "remove":
            api.remove_gate(scope, name)
            say(f"Gate {name} is removed.")
            return
        api.set_gate(scope, name, {"isOn": state == "on", **({"reason": reason} if reason else {})})
    say(f"Gate {name} is {state}.")


def _scope(proxy: str | None, user: str | None, *, everything: bool) -> str:
    given = [
        *([] if proxy is None else [f"proxy:{proxy}"]),
        *([] if user is None else [f"user:{user}"]),
        *(["fleet"] if everything else []),
    ]
    if len(given) != 1:
        raise wrong_usage("PROXY: allowed is exactly one of PROXY, --user USER and --all")
    return given[0]


def _read(file: Path) -> Document:
    from switchover.app.located import read_yaml  # noqa: PLC0415 - YAML takes its time to import

    try:
        document, problems = read_yaml(file.read_bytes())
    except OSError as error:
        raise wrong_usage(f"{file}: cannot be read: {error.strerror or error}") from error
    if problems:
        raise wrong_usage("\n".join(f"{file}:{problem}" for problem in problems))
    if not isinstance(document.value, dict):
        raise wrong_usage(f"{file}: allowed is a mapping with minServing, moveLimit, gates and freezes")
    found: Document = document.value
    return found
