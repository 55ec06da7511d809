"""What operators order: a move, the end of a pin, an instance's admin state."""

import time
from collections.abc import Callable
from typing import Annotated

import typer

from switchover.app.clock import SystemClock
from switchover.cli.client import Api
from switchover.cli.failures import CommandFailed, wrong_usage
from switchover.cli.options import (
    DEFAULT_DATA_DIR,
    DataDirOption,
    InstanceArgument,
    ProxyArgument,
    TokenOption,
    UrlOption,
    connect,
)
from switchover.cli.tables import milliseconds
from switchover.cli.terminal import say
from switchover.cli.views import EventView, InstanceView, ProxyView, event_view, proxy_view
from switchover.model.events import EventStatus
from switchover.model.instance import AdminState

_POLL_SECONDS = 0.1
_EVENTS_LOOKED_THROUGH = 50


def switch(
    proxy: ProxyArgument,
    to: Annotated[
        str, typer.Option("--to", metavar="INSTANCE", help="The next active: an instance's name or id.")
    ],
    reason: Annotated[str | None, typer.Option("--reason", help="Why; kept with the event.")] = None,
    wait: Annotated[
        float, typer.Option("--wait", min=0, metavar="SECONDS", help="How long to wait for it.")
    ] = 30.0,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Move a proxy's traffic to an instance, and wait until every node has confirmed it.

    The instance is pinned: no failback until it fails or `switchover unpin`.
    """
    with connect(url, token, data_dir) as api:
        view = proxy_view(api.proxy(proxy))
        target = known_instance(view, to)
        if view.active_id == target.instance_id:
            say(f"{target.name} carries {proxy} already; nothing was moved.")
            return
        ordered = event_view(api.switch_over(proxy, target.instance_id, reason))
        event = _outcome(api, ordered, proxy, wait)
    story = f"{event.event_type.value} of {proxy} from {view.name_of(event.source_id)} to {target.name}"
    match event.status:
        case EventStatus.COMPLETED:
            say(f"Completed: {story}, in {milliseconds(event.duration_ms)} (epoch {event.epoch}).")
        case EventStatus.FAILED:
            raise CommandFailed(f"{story} failed: {event.error_message}")
        case EventStatus.PENDING | EventStatus.IN_PROGRESS:
            raise CommandFailed(
                f"{story} is not confirmed after {wait:g} s; `switchover events {proxy}` tells more"
            )


def unpin(
    proxy: ProxyArgument,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Take the pin off, so that the policy alone decides who carries the traffic."""
    with connect(url, token, data_dir) as api:
        api.unpin(proxy)
    say(f"{proxy} is not pinned.")


def admin_state_command(state: AdminState, summary: str) -> Callable[..., None]:
    """The command that orders `state`, with `summary` as its help."""

    def command(
        proxy: ProxyArgument,
        instance: InstanceArgument,
        url: UrlOption = None,
        token: TokenOption = None,
        data_dir: DataDirOption = DEFAULT_DATA_DIR,
    ) -> None:
        with connect(url, token, data_dir) as api:
            target = known_instance(proxy_view(api.proxy(proxy)), instance)
            api.set_admin_state(target.instance_id, state.value)
            active = proxy_view(api.proxy(proxy))
        say(
            f"{target.name} is ordered {state.value}; {active.name_of(active.active_id)} is active in {proxy}."
        )

    command.__doc__ = summary
    return command


def known_instance(view: ProxyView, name_or_id: str) -> InstanceView:
    """The instance of this name or id.

    Raises:
        CommandFailed: There is none; the words name those that there are.
    """
    found = view.instance(name_or_id)
    if found is None:
        names = ", ".join(instance.name for instance in view.instances) or "none"
        raise wrong_usage(f"{view.proxy_id} has no instance {name_or_id!r}; its instances are {names}")
    return found


def _outcome(api: Api, ordered: EventView, proxy: str, wait: float) -> EventView:
    """The event once it is closed, or as it stands after `wait` seconds."""
    clock = SystemClock()
    deadline = clock.monotonic() + wait
    event = ordered
    pause = _POLL_SECONDS
    while event.status.is_open and clock.monotonic() < deadline:
        time.sleep(pause)
        pause = min(2 * pause, 1.0)
        found = (event_view(document) for document in api.events(proxy, _EVENTS_LOOKED_THROUGH))
        event = next((e for e in found if e.event_id == ordered.event_id), event)
    return event
