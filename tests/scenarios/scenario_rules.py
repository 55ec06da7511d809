"""What bounds automation in a scenario: pauses, rules and gates of every scope, and moves of other proxies."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tests.scenarios.scenario_language import (
    changed_rules,
    scope_named,
    seconds,
)

from switchover.decision.rules import counts, limits, safety_of
from switchover.decision.view import View
from switchover.model.rules import Gate, Pause, Scope, ScopeKind, ScopeStanding


class Bounds:
    """What people have set around the proxy of a scenario."""

    def __init__(self) -> None:
        self._standings: dict[Scope, ScopeStanding] = {}
        self._moved_elsewhere: list[datetime] = []

    def changed(self, verb: str, words: Sequence[str], view: View, now: datetime) -> View:
        """Do as `verb` says; the view with what that changes of the proxy itself."""
        if verb == "elsewhere":
            # Another proxy of the same user has moved by itself.
            self._moved_elsewhere.append(now)
            return view
        scope = scope_named(words[0], view.proxy.proxy_id)
        standing = self._standings.get(scope, ScopeStanding(scope=scope))
        values = dict(word.split("=", 1) for word in words if "=" in word)
        match verb:
            case "pause":
                until = now + timedelta(seconds=seconds(values["for"])) if "for" in values else None
                pause = Pause(by=values["by"], reason=values["reason"], since=now, until=until)
                standing = replace(standing, pause=pause)
            case "resume":
                standing = replace(standing, pause=None)
            case "gate":
                gate = Gate(name=words[1], is_on=words[2] == "on", by="ann", at=now)
                standing = replace(standing, gates=standing.with_gate(words[1], gate))
            case _ if scope.kind is ScopeKind.PROXY:
                policy = view.proxy.policy
                policy = replace(policy, rules=changed_rules(policy.rules, words[1:]))
                view = replace(view, proxy=replace(view.proxy, policy=policy))
            case _:
                standing = replace(standing, rules=changed_rules(standing.rules, words[1:]))
        self._standings[scope] = standing
        return view

    def around(self, view: View) -> View:
        """The view with what bounds its moves, counted as the control plane does."""
        proxy = view.proxy
        safety = safety_of(proxy.proxy_id, proxy.owner_id, proxy.policy.rules, self._standings)
        moved = sorted(
            self._moved_elsewhere + [m.committed_at for m in view.moves if counts(m.trigger, m.event_type)]
        )
        latest = {
            scope: moved[-rules.move_limit.moves]
            for scope, rules in limits(safety)
            if rules.move_limit is not None
            and scope.kind is not ScopeKind.PROXY
            and len(moved) >= rules.move_limit.moves
        }
        return replace(view, safety=safety.with_latest(latest))
