"""What operators order: a move, now or later, and the end of a pin or of an order for later."""

import time
from datetime import timedelta
from typing import Annotated

import typer

from switchover.app.clock import SystemClock
from switchover.cli.client import Api
from switchover.cli.event_tables import milliseconds
from switchover.cli.event_views import EventView, event_view
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
from switchover.cli.tables import pin_words
from switchover.cli.terminal import say
from switchover.cli.times import moment, seconds, shown
from switchover.cli.views import InstanceView, ProxyView, proxy_view
from switchover.model.events import EventStatus

PinForOption = Annotated[
    str | None,
    typer.Option(
        "--pin-for", metavar="DURATION", help="When the pin ends by itself: a number and s, m, h or d."
    ),
]

_POLL_SECONDS = 0.1
_EVENTS_LOOKED_THROUGH = 50


def switch(
    *,
    proxy: ProxyArgument,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="INSTANCE",
            help="The next active: an instance's name or id; the best standby if missing.",
        ),
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why; kept with the event.")] = None,
    pin_for: PinForOption = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="Do it then instead of now, such as 2026-01-31T22:00:00Z."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also to a target that is unhealthy or unknown; needs --reason.")
    ] = False,
    wait: Annotated[
        float, typer.Option("--wait", min=0, metavar="SECONDS", help="How long to wait for it.")
    ] = 30.0,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Move a proxy's traffic to an instance, and wait until every node has confirmed it.

    The instance is pinned: no failback until it fails, the pin ends or `switchover unpin`.
    """
    until = _end_of_pin(pin_for)
    if force and reason is None:
        raise wrong_usage("--reason: is missing; --force needs one")
    with connect(url, token, data_dir) as api:
        view = proxy_view(api.proxy(proxy))
        target = None if to is None else known(view, to)
        if at is None and target is not None and view.active_id == target.instance_id:
            say(f"{target.name} carries {proxy} already; nothing was moved.")
            return
        target_id = None if target is None else target.instance_id
        document = api.switch_over(proxy, target_id, reason, pin_until=until, force=force, at=_moment(at))
        ordered = event_view(document)
        if ordered.scheduled_at is not None:
            where = "the best standby" if target is None else target.name
            say(f"{proxy} moves to {where} at {shown(ordered.scheduled_at)}.")
            return
        event = _outcome(api, ordered, proxy, wait)
    names = (view.name_of(event.source_id), view.name_of(event.target_id))
    story = f"{event.event_type.value} of {proxy} from {names[0]} to {names[1]}"
    if ordered.skipped:
        story += f" (forced, skipping: {', '.join(ordered.skipped)})"
    match event.status:
        case EventStatus.COMPLETED:
            say(f"Completed: {story}, in {milliseconds(event.duration_ms)} (epoch {event.epoch}).")
        case EventStatus.FAILED:
            raise CommandFailed(f"{story} failed: {event.error_message}")
        case EventStatus.PENDING | EventStatus.IN_PROGRESS:
            raise CommandFailed(
                f"{story} is not confirmed after {wait:g} s; `switchover events {proxy}` tells more"
            )


def pin(
    proxy: ProxyArgument,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, for the record.")] = None,
    pin_for: PinForOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Pin the active instance, so that failback leaves it alone; a pin that there is gets this reason and end."""
    until = _end_of_pin(pin_for)
    with connect(url, token, data_dir) as api:
        api.pin(proxy, reason, until)
        view = proxy_view(api.proxy(proxy))
    say(f"{view.name_of(view.pinned_id)} is pinned in {proxy}{pin_words(view)}.")


def undamp(
    proxy: ProxyArgument,
    instance: InstanceArgument,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Clear an instance's damping: its flap score, and what its failed failbacks count."""
    with connect(url, token, data_dir) as api:
        target = known(proxy_view(api.proxy(proxy)), instance)
        api.undamp(target.instance_id)
    say(f"{target.name} is not damped.")


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


def unschedule(
    proxy: ProxyArgument,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Cancel the switchover that a proxy has scheduled."""
    with connect(url, token, data_dir) as api:
        api.cancel_switchover(proxy)
    say(f"{proxy} has no scheduled switchover any more.")


def _end_of_pin(pin_for: str | None) -> str | None:
    if pin_for is None:
        return None
    return (SystemClock().now() + timedelta(seconds=seconds("--pin-for", pin_for))).isoformat()


def known(view: ProxyView, name_or_id: str) -> InstanceView:
    """The instance of that name or id.

    Raises:
        CommandFailed: There is none.
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


def _moment(at: str | None) -> str | None:
    return None if at is None else moment("--at", at).isoformat()
