"""`switchover status` and `switchover events`: what is, and what was."""

from typing import Annotated

import typer

from switchover.app.clock import SystemClock
from switchover.cli.automation_tables import blocked_drawn
from switchover.cli.automation_views import blocked_view
from switchover.cli.client import Api
from switchover.cli.event_tables import events_drawn
from switchover.cli.event_views import event_view
from switchover.cli.fleet_views import node_view, replica_view
from switchover.cli.options import (
    DEFAULT_DATA_DIR,
    DataDirOption,
    JsonOption,
    ProxyArgument,
    TokenOption,
    UrlOption,
    connect,
)
from switchover.cli.tables import detail, nodes, overview, replicas
from switchover.cli.terminal import complain, print_json, results
from switchover.cli.views import proxy_view

_SHOWN_EVENTS = 5


def status(
    *,
    proxy: Annotated[
        str | None, typer.Argument(metavar="[PROXY]", help="One proxy in detail; all if missing.")
    ] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Show who carries each proxy's traffic, how its instances are, and what a node refuses."""
    with connect(url, token, data_dir) as api:
        if proxy is None:
            documents = list(api.proxies())
            if as_json:
                print_json(documents)
            else:
                console = results()
                overview(console, [proxy_view(document) for document in documents])
                nodes(console, [node_view(document) for document in api.nodes()])
                replicas(console, [replica_view(document) for document in api.replicas()])
            _warn(api)
            return
        document = api.proxy(proxy)
        events = api.events(proxy, _SHOWN_EVENTS)
        if as_json:
            print_json({**document, "events": list(events)})
        else:
            shown = [event_view(event) for event in events]
            detail(results(), proxy_view(document), shown, SystemClock().now())
        _warn(api)


def _warn(api: Api) -> None:
    if api.warning is not None:
        complain(f"switchover: {api.warning}")


def events(
    *,
    proxy: ProxyArgument,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many, newest first.")] = 20,
    as_json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Show the recorded moves of a proxy, newest first, with the time each stage took, and those that a rule blocked.

    JSON has the moves alone.
    """
    with connect(url, token, data_dir) as api:
        documents = api.events(proxy, limit)
        if as_json:
            print_json(list(documents))
            return
        view = proxy_view(api.proxy(proxy))
        blocked = [blocked_view(document) for document in api.blocked(proxy, limit)]
    console = results()
    if documents:
        console.print(events_drawn(console, view, [event_view(document) for document in documents]))
    else:
        console.print("No events yet.")
    if blocked:
        console.print()
        console.print(blocked_drawn(view, blocked))
