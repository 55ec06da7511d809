"""The interpreter of the scenario files: commands over the pure core with time moved by hand."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

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

from switchover.decision.doubt import Doubt
from switchover.decision.evaluate import evaluate
from switchover.decision.orders import order_execute, order_switchover
from switchover.decision.plan import plan_of
from switchover.decision.reasons import Reason
from switchover.decision.redundancy import redundancy_of, standing_of
from switchover.decision.survey import survey
from switchover.decision.verdict import Decision
from switchover.decision.view import View
from switchover.model.errors import Conflict, OperatorError
from switchover.model.instance import AdminState, Instance
from switchover.model.observation import Health, Observation, Outcome, Report
from switchover.model.proxy import Proxy
from switchover.model.vantage import Vantage
from switchover.testing.pure_loop import (
    Evidence,
    apply_move,
    fold,
    pure_pass,
    with_instance,
    without_instance,
)

_QUIET = frozenset({"still_passing", "still_failing"})
_PASSES_AT_ONCE = 3


def run(script: str) -> str:
    """The trace of a script."""
    stage = _Stage(parse(script))
    return "".join(f"{line}\n" for line in stage.play())


class _Stage:
    def __init__(self, script: Script) -> None:
        self._steps = script.steps
        self._lines: list[str] = []
        self._at = 0.0
        self._offset = 0.0
        self._recheck_at: datetime | None = None
        self._told: tuple[object, ...] = ()
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
            case "tick":
                self._run_pass(())
            case "clock":
                self._offset += seconds(rest[0])
                self._run_pass(())
            case "policy":
                policy = changed_policy(self._view.proxy.policy, rest)
                self._change_proxy(replace(self._view.proxy, policy=policy))
            case "unpin":
                self._change_proxy(replace(self._view.proxy, pinned_instance_id=None))
            case "connections":
                counts = (word.split("=") for word in rest)
                connections = {self._id(name): int(count) for name, count in counts}
                self._view = replace(self._view, connections=connections)
                self._run_pass(())
            case "store":
                self._store(*rest)
            case "doubt":
                self._doubt(*rest)
            case "loaded":
                self._view = replace(
                    self._view,
                    unseen=frozenset(i.instance_id for i in self._view.instances),
                    unseen_until=self._now
                    + timedelta(seconds=self._view.proxy.policy.health_check_interval_seconds),
                )
                self._run_pass(())
            case "observers":
                self._view = replace(self._view, observers=int(rest[0]))
                self._run_pass(())
            case "execute" | "switch":
                self._order(verb, *rest)
            case "evaluate" | "candidates" | "plan" | "redundancy" | "standing":
                self._show(verb)
            case _:
                self._act(verb.split(","), *rest)

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
                for name in names:
                    ordered = replace(
                        self._instance(name), admin_state=AdminState(verb), admin_changed_at=self._now
                    )
                    self._view = with_instance(self._view, ordered)
                self._run_pass(())
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
            if change is not None and change.reason not in _QUIET:
                self._tell("health", trace.health_words(self._names[piece.instance_id], change))
        self._view = view
        for _ in range(_PASSES_AT_ONCE):
            result = pure_pass(self._view, (), self._now)
            self._view, self._recheck_at = result.view, result.decision.recheck_at
            self._tell_decision(result.decision)
            if not result.decision.acts:
                return
        raise AssertionError("the proxy does not come to rest")

    def _order(self, verb: str, *names: str) -> None:
        ids = [self._id(name) for name in names]
        try:
            if verb == "execute":
                decision = order_execute(self._view, ids[0], ids[1], self._now)
            else:
                decision = order_switchover(self._view, ids[0] if ids else None, self._now)
        except OperatorError as refusal:
            state = f" {dict(refusal.state)}" if isinstance(refusal, Conflict) else ""
            self._tell("refused", self._named(f"{type(refusal).__name__}: {refusal}{state}"))
            return
        self._view = apply_move(self._view, decision, self._now)
        self._tell_decision(decision)
        self._run_pass(())

    def _tell_decision(self, decision: Decision) -> None:
        told = (decision.kind, decision.reason, decision.target_instance_id)
        if told == self._told and not decision.acts:
            return
        self._told = told
        words = trace.decision_words(decision, self._names)
        if decision.detected_at is not None:
            words += f"; detected {trace.moment(self._moment_of(decision.detected_at))}"
        if decision.recheck_at is not None:
            words += f"; recheck {trace.moment(self._moment_of(decision.recheck_at))}"
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
        match verb:
            case "evaluate":
                self._tell(verb, trace.decision_words(evaluate(self._view, self._now), self._names))
            case "candidates":
                evidence = survey(self._view, self._now).candidates
                for words in trace.candidate_words(evidence):
                    self._tell(verb, words)
            case "plan":
                self._tell(verb, trace.plan_words(plan_of(self._view), self._names))
            case "redundancy":
                status = redundancy_of(self._view, previous=None, now=self._now)
                self._tell(verb, trace.redundancy_words(status, self._names))
            case _:
                for instance in sorted(self._view.instances, key=lambda i: i.preference):
                    self._tell(verb, f"{instance.name} {standing_of(instance, self._view).value}")

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
