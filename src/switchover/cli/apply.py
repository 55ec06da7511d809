"""`switchover apply`: make the server have what a file declares."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, assert_never

import typer
from rich.console import Console

from switchover.app.declaration import Declaration, InvalidDeclaration, read_declaration
from switchover.cli.changes import Change, FieldChange, Sign, Stored, compare
from switchover.cli.client import Api
from switchover.cli.failures import CommandFailed, ExitCode, wrong_usage
from switchover.cli.options import DEFAULT_DATA_DIR, DataDirOption, TokenOption, UrlOption, connect
from switchover.cli.terminal import results, styled

_STYLES = {Sign.ADD: "green", Sign.ALTER: "yellow", Sign.REMOVE: "red"}


def apply(
    *,
    file: Annotated[
        Path,
        typer.Option(
            "--file", "-f", metavar="FILE", help="The declarative file (YAML); - is standard input."
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would change and change nothing.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove proxies and instances that the file does not name.")
    ] = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Print what has to change so that the server has what FILE declares, and change it.

    Only fields that the file gives are compared and changed. A second run finds nothing to change.
    An invalid file changes nothing.
    """
    try:
        declaration = read_declaration(file)
    except InvalidDeclaration as error:
        raise wrong_usage("\n".join(error.lines)) from error
    console = results()
    with connect(url, token, data_dir) as api:
        changes = compare(declaration, _stored(api, declaration, prune=prune), prune=prune)
        if not changes:
            console.print("Nothing to change.")
            return
        draw(console, changes)
        if dry_run:
            console.print(f"Dry run: {_count(changes)} would be made; nothing was changed.")
            return
        _make(api, changes)
    console.print(f"Applied {_count(changes)}.")


def draw(console: Console, changes: Sequence[Change]) -> None:
    """The changes as a diff, grouped by proxy."""
    last = ""
    for change in changes:
        if change.instance_name is None:
            console.print(styled(f"{change.sign} proxy {change.proxy_id}", _STYLES[change.sign]))
            indent = "    "
            last = change.proxy_id
        else:
            if change.proxy_id != last:
                console.print(styled(f"  proxy {change.proxy_id}"))
                last = change.proxy_id
            console.print(
                f"  {change.sign} instance ", styled(change.instance_name), sep="", style=_STYLES[change.sign]
            )
            indent = "      "
        for field in change.fields:
            console.print(styled(f"{indent}{_drawn(field, change.sign)}"))


def _drawn(field: FieldChange, sign: Sign) -> str:
    after = json.dumps(field.after, ensure_ascii=False)
    if sign is Sign.ADD:
        return f"{field.field}: {after}"
    return f"{field.field}: {json.dumps(field.before, ensure_ascii=False)} → {after}"


def _count(changes: Sequence[Change]) -> str:
    return "1 change" if len(changes) == 1 else f"{len(changes)} changes"


def _stored(api: Api, declaration: Declaration, *, prune: bool) -> Mapping[str, Stored]:
    names = [proxy.proxy_id for proxy in declaration.proxies]
    if prune:
        names += [str(proxy["proxyId"]) for proxy in api.proxies()]
    found: dict[str, Stored] = {}
    for proxy_id in dict.fromkeys(names):
        configuration = api.configuration(proxy_id)
        if configuration is not None:
            config: Mapping[str, Any] = configuration["config"]
            found[proxy_id] = Stored(config=config, instances=api.instances(proxy_id))
    return found


def _make(api: Api, changes: Sequence[Change]) -> None:
    for made, change in enumerate(changes):
        try:
            _send(api, change)
        except CommandFailed as failure:
            subject = f"proxy {change.proxy_id}"
            if change.instance_name is not None:
                subject = f"instance {change.instance_name} of {subject}"
            # Exit code 2 promises that nothing was changed.
            partly = made > 0 and failure.exit_code is ExitCode.USAGE
            code = ExitCode.FAILED if partly else failure.exit_code
            raise CommandFailed(
                f"{subject}: {failure.message}; {made} of {_count(changes)} were made before it",
                code,
            ) from failure


def _send(api: Api, change: Change) -> None:
    match change.sign:
        case Sign.ADD if change.instance_name is not None:
            api.register(change.proxy_id, change.body)
        case Sign.ALTER if change.instance_id is not None:
            api.change_instance(change.instance_id, change.body)
        case Sign.REMOVE if change.instance_id is not None:
            api.delete_instance(change.instance_id)
        case Sign.ADD | Sign.ALTER:
            api.configure(change.proxy_id, change.body)
        case Sign.REMOVE:
            api.delete_proxy(change.proxy_id)
        case never:
            assert_never(never)
