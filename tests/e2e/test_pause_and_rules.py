"""Automation that is paused, or bound by a rule, with real processes and the commands that people type."""

from typing import Any

from tests.load import load
from tests.machine import Machine, run
from tests.waiting import eventually

from switchover.model.events import EventType


async def typed(web: Machine, *arguments: str) -> str:
    """What a command prints that must succeed."""
    done = await run(*arguments, "--data-dir", str(web.data))
    assert done.code == 0, done.err
    return done.out


async def test_a_paused_proxy_keeps_its_active_serves_and_says_why(web: Machine) -> None:
    await web.serve()
    assert "is paused until `switchover resume`" in await typed(
        web, "pause", "web", "--reason", "core router"
    )

    async with load(web.listener, rate=50) as running:
        web.instances["web-1"].kill()

        async def blocked() -> Any:
            return (await web.proxy()).blocked

        await eventually(blocked)
        # Envoy itself sends each request to whoever answers.
        await eventually(lambda: running.answered_by()["web-2"] > 50)
        view = await web.proxy()
        assert view.name_of(view.active_id) == "web-1"
        assert [e.event_type for e in await web.events()] == [EventType.ACTIVATION]

        shown = await typed(web, "status", "web")
        assert "core router" in shown
        assert "failover web-1 → web-2" in shown
        assert "(paused)" in await typed(web, "status")

        assert "is not paused" in await typed(web, "resume", "web")
        event = await web.settled("web-2", healthy=("web-2", "web-3"))
        assert event.event_type is EventType.FAILOVER
    assert "pause" in await typed(web, "events", "web")


async def test_a_rule_holds_a_failback_until_its_gate_is_on(web: Machine) -> None:
    await web.serve(rules={"gates": ["failback"]})
    assert "Gate failback is on" in await typed(web, "gate", "failback", "on")
    web.instances["web-1"].kill()
    await web.settled("web-2", healthy=("web-2", "web-3"))

    await typed(web, "gate", "failback", "off", "--reason", "the disk is being replaced")
    await web.instances.start("web-1")

    async def blocked() -> bool:
        move = (await web.proxy()).blocked
        return move is not None and move.event_type == "failback" and move.rule == "gate"

    await eventually(blocked)
    assert "the disk is being replaced" in await typed(web, "rules", "--user", "me")
    await typed(web, "gate", "failback", "on")
    event = await web.settled("web-1")
    assert event.event_type is EventType.FAILBACK
