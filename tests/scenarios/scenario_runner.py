"""The interpreter of the scenario files: commands over the pure core with time moved by hand."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from tests.replaying import check_replay
from tests.scenarios import scenario_trace as trace
from tests.scenarios.scenario_language import (
    START,
    Script,
    changed_policy,
    new_instance,
    parse,
    seconds,
    wall,
)
from tests.scenarios.scenario_orders import Drilling, Planned, earliest, ordered, seen
from tests.scenarios.scenario_recovery import Recoveries
from tests.scenarios.scenario_rules import Bounds
from tests.scenarios.scenario_showing import shown

from switchover.control.pure_loop import (
    Evidence,
    apply_move,
    fold,
    pure_pass,
    with_instance,
    without_instance,
)
from switchover.decision.damping import cleared
from switchover.decision.doubt import Doubt
from switchover.decision.orders import order_execute, order_switchover
from switchover.decision.reasons import Reason
from switchover.decision.rules import MoveBlocked
from switchover.decision.verdict import Decision
from switchover.decision.view import View
from switchover.model.errors import Conflict, OperatorError
from switchover.model.instance import AdminState, Instance
from switchover.model.observation import Health, Observation, Outcome, Report
from switchover.model.proxy import Pin, Proxy
from switchover.model.vantage import Vantage

_QUIET = frozenset({"still_passing", "still_failing"})
_PASSES_AT_ONCE = 3
_NAMES = {"for": "expires_in", "drain_timeout": "drain_timeout"}


def _setting(words: tuple[str, ...], name: str) -> float:
    return seconds(dict(word.split("=", 1) for word in words)[name])


def run(script: str) -> str:
    """The trace of a script."""
    stage = _Stage(parse(script))
    return "".join(f"{line}\n" for line in stage.play())


def _settings(words: Iterable[str]) -> tuple[list[str], Mapping[str, str]]:
    """Names, and settings."""
    listed = list(words)
    return [w for w in listed if "=" not in w], dict(w.split("=", 1) for w in listed if "=" in w)


class _Stage:
    def __init__(self, script: Script) -> None:
        self._steps = script.steps
        self._lines: list[str] = []
        self._at = 0.0
        self._offset = 0.0
        self._recheck_at: datetime | None = None
        self._planned: Planned | None = None
        self._drilling = Drilling()
        self._told: tuple[object, ...] = ()
        self._is_quiet = False
        self._bounds = Bounds()
        self._recoveries = Recoveries(self._tell, lambda at: trace.moment(self._moment_of(at)))
        self._names = {i.instance_id: i.name for i in script.instances}
        self._view = View(
            proxy=Proxy(
                proxy_id=script.proxy_id,
                owner_id="ann",
                policy=script.policy,
                created_at=START,
                updated_at=START,
            ),
            instances=script.instances,
        )

    def play(self) -> list[str]:
        for step in self._steps:
            self._pass_time_until(step.at)
            self._perform(*step.words)
        return self._lines

    @property
    def _now(self) -> datetime:
        return wall(self._at, self._offset)

    def _pass_time_until(self, at: float) -> None:
        while self._recheck_at is not None:
            assert self._recheck_at > self._now, "a recheck must lie ahead, or the loop would spin"
            due = self._moment_of(self._recheck_at)
            if due > at:
                break
            self._at = due
            self._run_pass(())
        self._at = at

    def _moment_of(self, time: datetime) -> float:
        return round((time - START).total_seconds() - self._offset, 6)

    def _perform(self, verb: str, *rest: str) -> None:
        match verb:
            case "quiet" | "aloud":
                self._is_quiet = verb == "quiet"
            case "tick":
                self._run_pass(())
            case "clock":
                self._offset += seconds(rest[0])
                self._run_pass(())
            case "policy":
                policy = changed_policy(self._view.proxy.policy, rest)
                self._change_proxy(replace(self._view.proxy, policy=policy))
            case "pin" | "unpin":
                self._pin(verb, *rest)
            case "connections":
                counts = (word.split("=") for word in rest)
                connections = {self._id(name): int(count) for name, count in counts}
                self._view = replace(self._view, connections=connections)
                self._run_pass(())
            case "execute" | "switch":
                self._order(verb, *rest)
            case "schedule" | "cancel" | "nodes" | "drill":
                self._plan_ahead(verb, *rest)
            case "evaluate" | "candidates" | "plan" | "redundancy" | "standing" | "flaps":
                self._show(verb)
            case _:
                self._happen(verb, *rest)

    def _happen(self, verb: str, *rest: str) -> None:
        """What is about neither the proxy nor its instances: the store, the replica, other replicas, the rules."""
        match verb:
            case "store":
                self._store(*rest)
            case "pause" | "resume" | "rules" | "gate" | "elsewhere":
                self._view = self._bounds.changed(verb, rest, self._view, self._now)
                self._run_pass(())
            case "doubt":
                self._doubt(*rest)
            case "loaded":
                cycle = timedelta(seconds=self._view.proxy.policy.health_check_interval_seconds)
                unseen = frozenset(i.instance_id for i in self._view.instances)
                self._view = replace(self._view, unseen=unseen, unseen_until=self._now + cycle)
                self._run_pass(())
            case "observers":
                self._view = replace(self._view, observers=int(rest[0]))
                self._run_pass(())
            case _:
                self._act(verb.split(","), *rest)

    def _pin(self, verb: str, *rest: str) -> None:
        if verb == "unpin":
            self._change_proxy(replace(self._view.proxy, pinned_instance_id=None, pin_note=None))
            return
        active = self._view.proxy.active_instance_id
        assert active is not None, "nothing to pin"
        note = Pin(instance_id=active, until=self._now + timedelta(seconds=_setting(rest, "for")))
        self._change_proxy(replace(self._view.proxy, pinned_instance_id=active, pin_note=note))

    def _plan_ahead(self, verb: str, *rest: str) -> None:
        names, values = _settings(rest)
        at = wall(seconds(values["at"])) if "at" in values else None
        match verb:
            case "schedule":
                assert at is not None, "a scheduled switchover has its time"
                target = self._id(names[0]) if names and names[0] != "force" else None
                self._planned = Planned(at=at, target_id=target, force="force" in names)
            case "cancel":
                self._planned = None
            case "nodes":
                self._drilling.confirms = names[0] == "confirm"
            case _:
                self._drilling.order(self._now, seconds(values.get("hold", "10")), at)
        self._run_pass(())

    def _act(self, names: list[str], verb: str, *rest: str) -> None:
        match verb:
            case "pass" | "fail" | "inconclusive":
                self._run_pass([self._observation(name, Outcome(verb), rest) for name in names])
            case "seen":
                for name in names:
                    self._heard(name, *rest)
                self._run_pass(())
            case "reports":
                verdict = Health(rest[0])
                self._run_pass(
                    [Report(instance_id=self._id(n), verdict=verdict, reported_at=self._now) for n in names]
                )
            case "ready" | "drain" | "maintenance":
                given = {_NAMES[key]: seconds(value) for key, value in _settings(rest)[1].items()}
                for name in names:
                    instance = ordered(self._instance(name), AdminState(verb), self._view, self._now, **given)
                    self._view = with_instance(self._view, instance)
                self._run_pass(())
            case "undamped":
                for name in names:
                    undamped = cleared(self._instance(name), self._view.moves, self._now)
                    self._view = with_instance(self._view, undamped)
                self._run_pass(())
            case _:
                self._register(names, verb, *rest)

    def _register(self, names: list[str], verb: str, *rest: str) -> None:
        match verb:
            case "leaves":
                for name in names:
                    self._view = without_instance(self._view, self._id(name))
                self._run_pass(())
            case "joins":
                for name in names:
                    instance = new_instance(name, rest, number=len(self._names) + 1, now=self._now)
                    self._names[instance.instance_id] = name
                    self._view = with_instance(self._view, instance)
                self._run_pass(())
            case _:
                raise AssertionError(f"not a command: {verb}")

    def _observation(self, name: str, outcome: Outcome, rest: tuple[str, ...]) -> Observation:
        values = dict(word.split("=", 1) for word in rest if "=" in word)
        code = next(
            (word for word in rest if "=" not in word), "ok" if outcome is Outcome.PASS else "timeout"
        )
        ended_at = wall(seconds(values["ended"])) if "ended" in values else self._now
        return Observation(
            instance_id=self._id(name),
            outcome=outcome,
            code=code,
            detail=code,
            started_at=ended_at - timedelta(milliseconds=5),
            ended_at=ended_at,
            resolved_host=values.get("resolved"),
        )

    def _run_pass(self, evidence: Iterable[Evidence]) -> None:
        view = self._view
        for piece in evidence:
            view, change = fold(view, piece)
            if change is not None and change.reason not in _QUIET and not self._is_quiet:
                self._tell("health", trace.health_words(self._names[piece.instance_id], change))
        self._view = view
        for _ in range(_PASSES_AT_ONCE):
            before = self._view = seen(self._bounds.around(self._view), self._drilling)
            result = pure_pass(before, (), self._now)
            check_replay(result.decided, result.decision, self._now)
            self._view, self._recheck_at = result.view, result.decision.recheck_at
            for instance in result.ended:
                former = before.instance(instance.instance_id)
                reverted = former is None or former.admin_changed_at != instance.admin_changed_at
                self._tell("order", trace.order_words(instance, reverted=reverted))
            self._tell_decision(result.decision)
            if not result.decision.acts and not self._orders_go_on():
                planned_at = None if self._planned is None else self._planned.at
                self._recheck_at = earliest(
                    self._view, self._recheck_at, planned_at, self._drilling.wake_at(self._now)
                )
                self._recover()
                return
        raise AssertionError("the proxy does not come to rest")

    def _recover(self) -> None:
        again = self._recoveries.look(self._view, self._now)
        if again is not None:
            self._recheck_at = again if self._recheck_at is None else min(again, self._recheck_at)

    def _order(self, verb: str, *names: str) -> None:
        force = "force" in names
        ids = [self._id(name) for name in names if name != "force"]
        if self._try(lambda: self._ordered(verb, ids, force=force)):
            self._run_pass(())

    def _ordered(self, verb: str, ids: Sequence[UUID], *, force: bool) -> Decision:
        self._view = self._bounds.around(self._view)
        if verb == "execute":
            return order_execute(self._view, ids[0], ids[1], self._now, force=force)
        return order_switchover(self._view, ids[0] if ids else None, self._now, force=force)

    def _try(self, order: Callable[[], Decision]) -> bool:
        try:
            decision = order()
        except OperatorError as refusal:
            # What a rule says of itself is in the words already.
            told = refusal.state if isinstance(refusal, Conflict) else {}
            state = f" {dict(told)}" if told and not isinstance(refusal, MoveBlocked) else ""
            self._tell("refused", self._named(f"{type(refusal).__name__}: {refusal}{state}"))
            return False
        self._commit(decision)
        return True

    def _commit(self, decision: Decision) -> None:
        self._view = apply_move(self._view, decision, self._now)
        self._tell_decision(decision)
        if "skipped" in decision.facts:
            self._tell("skipped", str(decision.facts["skipped"]))

    def _orders_go_on(self) -> bool:
        """Make what is due; whether that moved the proxy, so that another pass is to follow."""
        planned = self._planned
        if planned is not None and planned.at <= self._now:
            self._planned = None
            ids = [] if planned.target_id is None else [planned.target_id]
            if self._try(lambda: self._ordered("switch", ids, force=planned.force)):
                return True
        epoch = self._view.proxy.epoch
        drill = self._drilling.step(self._view, self._now, self._commit)
        if drill is not None:
            self._tell("drill", trace.drill_words(drill, self._names))
        return self._view.proxy.epoch != epoch

    def _tell_decision(self, decision: Decision) -> None:
        told = (decision.kind, decision.reason, decision.target_instance_id)
        if not decision.acts and (told == self._told or self._is_quiet):
            return
        self._told = told
        words = trace.whole_decision_words(decision, self._names, self._moment_of)
        if decision.acts:
            words += f"; epoch {self._view.proxy.epoch}"
        self._tell("decide", words)

    def _store(self, verb: str, *settings: str) -> None:
        rest = dict(setting.split("=", 1) for setting in settings).get("rest")
        rests_until = None if rest is None else self._now + timedelta(seconds=seconds(rest))
        self._view = replace(self._view, store_is_away=verb == "leaves", rests_until=rests_until)
        self._run_pass(())

    def _doubt(self, word: str, *settings: str) -> None:
        facts = {name: float(value) for name, value in (setting.split("=", 1) for setting in settings)}
        whole = {name: int(value) if value.is_integer() else value for name, value in facts.items()}
        doubt = None if word == "ends" else Doubt(reason=Reason(word), facts=whole)
        self._view = replace(self._view, doubt=doubt)
        if doubt is None:
            self._perform("loaded")
        else:
            self._run_pass(())

    def _heard(self, name: str, verdict: str, by: str, observer: str, *settings: str) -> None:
        assert by == "by", "NAME seen VERDICT by OBSERVER"
        instance_id = self._id(name)
        former = self._view.vantages.get(instance_id, ())
        others = tuple(vantage for vantage in former if vantage.observer != observer)
        failures = dict(setting.split("=", 1) for setting in settings).get("failures", "0")
        told = Vantage(
            observer=observer,
            health=Health(verdict),
            consecutive_failures=int(failures),
            at=self._now,
        )
        heard = others if verdict == "unknown" else (*others, told)
        self._view = replace(self._view, vantages={**self._view.vantages, instance_id: heard})

    def _show(self, verb: str) -> None:
        self._view = self._bounds.around(self._view) if verb == "evaluate" else self._view
        for words in shown(verb, self._view, self._now, self._names, self._moment_of):
            self._tell(verb, words)

    def _change_proxy(self, proxy: Proxy) -> None:
        self._view = replace(self._view, proxy=proxy)
        self._run_pass(())

    def _tell(self, topic: str, words: str) -> None:
        self._lines.append(trace.line(self._at, topic, words))

    def _id(self, name: str) -> UUID:
        # The latest of that name: one that left may have come back as another.
        known = [instance_id for instance_id, known_name in self._names.items() if known_name == name]
        return known[-1] if known else UUID(int=0)

    def _instance(self, name: str) -> Instance:
        instance = self._view.instance(self._id(name))
        assert instance is not None, f"no instance {name}"
        return instance

    def _named(self, text: str) -> str:
        for instance_id, name in (*self._names.items(), (UUID(int=0), "nobody")):
            text = text.replace(str(instance_id), name)
        return text
