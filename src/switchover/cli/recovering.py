"""What operators order about recoveries: an attempt now, another secret for the webhook."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from switchover.cli.event_views import event_view
from switchover.cli.failures import wrong_usage
from switchover.cli.options import (
    DEFAULT_DATA_DIR,
    DataDirOption,
    InstanceArgument,
    ProxyArgument,
    TokenOption,
    UrlOption,
    connect,
)
from switchover.cli.ordering import known
from switchover.cli.terminal import complain, say
from switchover.cli.views import proxy_view


def recover(
    proxy: ProxyArgument,
    instance: InstanceArgument,
    reason: Annotated[str | None, typer.Option("--reason", help="Why; kept with the event.")] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Call for an unhealthy instance now, by its proxy's recovery action."""
    with connect(url, token, data_dir) as api:
        target = known(proxy_view(api.proxy(proxy)), instance)
        event = event_view(api.recover(target.instance_id, reason))
    say(
        f"{target.name} of {proxy} is called for (event {event.event_id}); `switchover status {proxy}` follows it."
    )


def secret(
    proxy: ProxyArgument,
    given: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Take the secret from a file, - for standard input."),
    ] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Give a proxy's recovery webhook another secret, and print it if the server made it: this once.

    Requests are signed with the former one too until the next rotation.
    """
    wanted = None if given is None else _read(given)
    with connect(url, token, data_dir) as api:
        answer = api.rotate_recovery_secret(proxy, wanted)
    if answer["secret"] is not None:
        say(str(answer["secret"]))
    former = "; the former one signs too until the next" if answer["formerSigns"] else ""
    complain(f"The recovery webhook of {proxy} has another secret{former}.")


def _read(path: Path) -> str:
    text = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")
    if not text.strip():
        raise wrong_usage(f"--from: {path} is empty; allowed is whsec_ and 24 to 64 bytes in base64")
    return text.strip()
