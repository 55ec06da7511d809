"""`ready`, `drain` and `maintenance`: what operators order about one instance."""

import time
from collections.abc import Callable
from typing import Annotated, Any

import typer

from switchover.app.clock import SystemClock
from switchover.cli.client import Api
from switchover.cli.failures import CommandFailed
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
from switchover.cli.terminal import say
from switchover.cli.times import seconds, shown
from switchover.cli.views import InstanceView, ProxyView, proxy_view
from switchover.model.instance import AdminState

_POLL_SECONDS = 0.5

ReasonOption = Annotated[str | None, typer.Option("--reason", help="Why; kept with the order.")]
ForOption = Annotated[
    str | None,
    typer.Option(
        "--for", metavar="DURATION", help="After which it reverts by itself, such as 2h; it stands without."
    ),
]


def ready(
    proxy: ProxyArgument,
    instance: InstanceArgument,
    reason: ReasonOption = None,
    lasts: ForOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Let an instance carry traffic again."""
    with connect(url, token, data_dir) as api:
        _ordered(api, proxy, instance, AdminState.READY, _terms(reason, lasts, None))


def away_command(state: AdminState, summary: str) -> Callable[..., None]:
    """The command that orders `state`, which takes traffic away, with `summary` as its help."""

    def command(
        *,
        proxy: ProxyArgument,
        instance: InstanceArgument,
        reason: ReasonOption = None,
        lasts: ForOption = None,
        timeout: Annotated[
            str | None,
            typer.Option(
                "--timeout", metavar="DURATION", help="How long open requests may take; 5m by default."
            ),
        ] = None,
        wait: Annotated[
            bool, typer.Option("--wait", help="Wait until nothing is open on it, or its time is over.")
        ] = False,
        url: UrlOption = None,
        token: TokenOption = None,
        data_dir: DataDirOption = DEFAULT_DATA_DIR,
    ) -> None:
        with connect(url, token, data_dir) as api:
            target = _ordered(api, proxy, instance, state, _terms(reason, lasts, timeout))
            if wait:
                _wait(api, proxy, target.instance_id)

    command.__doc__ = summary
    return command


def _terms(reason: str | None, lasts: str | None, timeout: str | None) -> dict[str, Any]:
    given = {
        "reason": reason,
        "expiresInSeconds": None if lasts is None else seconds("--for", lasts),
        "drainTimeoutSeconds": None if timeout is None else seconds("--timeout", timeout, may_be_zero=True),
    }
    return {name: value for name, value in given.items() if value is not None}


def _ordered(api: Api, proxy: str, instance: str, state: AdminState, terms: dict[str, Any]) -> InstanceView:
    target = known(proxy_view(api.proxy(proxy)), instance)
    api.set_admin_state(target.instance_id, state.value, terms)
    after = proxy_view(api.proxy(proxy))
    ordered = after.instance(target.instance_id)
    until = ""
    if ordered is not None and ordered.expires_at is not None:
        until = f" until {shown(ordered.expires_at)}"
    say(
        f"{target.name} is ordered {state.value}{until}; {after.name_of(after.active_id)} is active in {proxy}."
    )
    return target


def _wait(api: Api, proxy: str, instance_id: str) -> None:
    """Tell how far the instance is until it is drained; there is a deadline on the server once its traffic has moved."""
    told = ""
    clock = SystemClock()
    while True:
        view = proxy_view(api.proxy(proxy))
        instance = view.instance(instance_id)
        if instance is None or instance.drain_state is None:
            raise CommandFailed(f"somebody else changed the order about {view.name_of(instance_id)}")
        words = _progress(view, instance, clock)
        if words != told:
            say(words)
            told = words
        if instance.drain_state != "draining":
            return
        time.sleep(_POLL_SECONDS)


def _progress(view: ProxyView, instance: InstanceView, clock: SystemClock) -> str:
    count = instance.open_requests
    match instance.drain_state:
        case "idle":
            return f"{instance.name} is idle."
        case "deadline_passed":
            left = "" if instance.left_open is None else f"; {instance.left_open} requests are open still"
            return f"The time of {instance.name} to drain is over{left}."
        case _ if instance.instance_id == view.active_id:
            return f"{instance.name} carries the traffic still: {view.opinion}"
        case _:
            deadline = instance.drain_deadline
            left_seconds = None if deadline is None else max(0.0, (deadline - clock.now()).total_seconds())
            more = "" if left_seconds is None else f", for at most {left_seconds // 10 * 10 + 10:.0f} s more"
            return f"{instance.name} drains: {0 if count is None else count} requests open{more}."
