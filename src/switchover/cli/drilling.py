"""`switchover drill`: a planned move to the best standby and back again."""

import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from switchover.app.clock import SystemClock
from switchover.cli.client import Api
from switchover.cli.event_tables import drills_drawn
from switchover.cli.event_views import DrillView, drill_view
from switchover.cli.failures import CommandFailed, wrong_usage
from switchover.cli.options import (
    DEFAULT_DATA_DIR,
    DataDirOption,
    JsonOption,
    ProxyArgument,
    TokenOption,
    UrlOption,
    connect,
)
from switchover.cli.terminal import print_json, results, say
from switchover.cli.times import moment, seconds, shown
from switchover.cli.views import proxy_view

_POLL_SECONDS = 0.2
_SHOWN = 20


def drill(
    *,
    proxy: ProxyArgument,
    reason: Annotated[str | None, typer.Option("--reason", help="Why; kept with the drill.")] = None,
    hold: Annotated[
        str | None,
        typer.Option("--hold", metavar="DURATION", help="How long the standby carries the traffic; 10s."),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="Begin then instead of now, with its offset.")
    ] = None,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="End the one that is ordered or under way.")
    ] = False,
    listed: Annotated[bool, typer.Option("--list", help="Show the drills that were made.")] = False,
    as_json: JsonOption = False,
    wait: Annotated[
        float, typer.Option("--wait", min=0, metavar="SECONDS", help="How long to wait for its end.")
    ] = 120.0,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Move a proxy to its best standby and back again, inside the rules, and tell how that went."""
    if cancel and listed:
        raise wrong_usage("--cancel: cannot be given with --list")
    with connect(url, token, data_dir) as api:
        if listed:
            _list(api, proxy, as_json=as_json)
            return
        if cancel:
            ended = drill_view(api.cancel_drill(proxy))
            say(
                f"The drill of {proxy} is cancelled." if ended.is_over else f"The drill of {proxy} goes back."
            )
            return
        ordered = drill_view(api.start_drill(proxy, _terms(reason, hold, at)))
        if ordered.scheduled_at is not None:
            say(f"A drill of {proxy} begins at {shown(ordered.scheduled_at)}.")
            return
        _follow(api, proxy, ordered, wait)


def _terms(reason: str | None, hold: str | None, at: str | None) -> Mapping[str, Any]:
    given = {
        "reason": reason,
        "holdSeconds": None if hold is None else seconds("--hold", hold, may_be_zero=True),
        "scheduledFor": None if at is None else moment("--at", at).isoformat(),
    }
    return {name: value for name, value in given.items() if value is not None}


def _list(api: Api, proxy: str, *, as_json: bool) -> None:
    documents = api.drills(proxy, _SHOWN)
    if as_json:
        print_json(list(documents))
        return
    console = results()
    if documents:
        console.print(drills_drawn(proxy_view(api.proxy(proxy)), [drill_view(d) for d in documents]))
    else:
        console.print("No drills yet.")


def _follow(api: Api, proxy: str, ordered: DrillView, wait: float) -> None:
    clock = SystemClock()
    deadline = clock.monotonic() + wait
    view = proxy_view(api.proxy(proxy))
    told = ""
    while True:
        found = (drill_view(document) for document in api.drills(proxy, _SHOWN))
        now = next((d for d in found if d.drill_id == ordered.drill_id), ordered)
        home, target = view.name_of(now.home_id), view.name_of(now.target_id)
        if now.is_over:
            break
        words = {
            "pending": f"The drill of {proxy} begins.",
            "moving": f"{target} takes over from {home}."
            if now.moved_at is None
            else f"{target} carries {proxy}.",
            "returning": f"{home} takes over again.",
        }[now.status]
        if words != told:
            say(words)
            told = words
        if clock.monotonic() >= deadline:
            raise CommandFailed(
                f"the drill of {proxy} is not over after {wait:g} s; `switchover drill {proxy} --list` tells more"
            )
        time.sleep(_POLL_SECONDS)
    if now.outcome != "succeeded":
        raise CommandFailed(f"the drill of {proxy} ended as {now.outcome}: {now.message}")
    took = "" if now.took_seconds is None else f" in {now.took_seconds:.1f} s"
    say(f"The drill succeeded: {home} → {target} → {home}{took}.")
