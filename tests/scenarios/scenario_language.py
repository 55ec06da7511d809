"""The language of the scenario files: what a script says, read into values. `README.md` describes it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from switchover.model.address import is_ip, parse_address
from switchover.model.gradual import GradualPolicy, steps_problem
from switchover.model.instance import Instance
from switchover.model.policy import (
    BalancingAlgorithm,
    CheckType,
    FailoverPolicy,
    HealthCheck,
    Listener,
    Strategy,
)
from switchover.model.quorum import Quorum
from switchover.model.recovery import RecoveryAction, RecoveryActionType
from switchover.model.rules import (
    FLEET,
    Freeze,
    MoveLimit,
    SafetyRules,
    Scope,
    Weekday,
    scope_of_proxy,
    scope_of_user,
)
from switchover.model.steadiness import (
    AllDown,
    FailbackMode,
    FailbackWindow,
    FlapDamping,
    flap_damping_problems,
)

RULE = "----"
START = datetime(2026, 1, 1, tzinfo=UTC)

_TIMED = re.compile(r"t=(?P<first>[\d.]+)s(\.\.(?P<last>[\d.]+)s)?(/(?P<step>[\d.]+)s)?\s+(?P<words>.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command at one moment, in seconds of scenario time."""

    at: float
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The part of a scenario above the rule."""

    proxy_id: str
    policy: FailoverPolicy
    instances: tuple[Instance, ...]
    steps: tuple[Step, ...]


def split(text: str) -> tuple[str, str]:
    """The script and the recorded trace of a scenario file."""
    script, _, trace = text.partition(f"{RULE}\n")
    return script, trace


def parse(script: str) -> Script:
    proxy_id, policy = "web", FailoverPolicy()
    instances: list[Instance] = []
    steps: list[Step] = []
    for raw in script.splitlines():
        line = raw.partition("#")[0].strip()
        if not line:
            continue
        timed = _TIMED.fullmatch(line)
        words = line.split()
        if timed is not None:
            steps += _steps(timed)
        elif words[0] == "proxy":
            proxy_id, policy = words[1], changed_policy(policy, words[2:])
        elif words[0] == "instance":
            instances.append(new_instance(words[1], words[2:], number=len(instances) + 1, now=START))
        else:
            raise AssertionError(f"not a command: {raw!r}")
    return Script(
        proxy_id=proxy_id,
        policy=policy,
        instances=tuple(instances),
        steps=tuple(sorted(steps, key=lambda step: step.at)),
    )


def _steps(timed: re.Match[str]) -> list[Step]:
    first = float(timed["first"])
    last = float(timed["last"] or first)
    step = float(timed["step"] or 1)
    words = tuple(timed["words"].split())
    count = int((last - first) / step + 1e-9) + 1
    return [Step(at=round(first + i * step, 6), words=words) for i in range(count)]


def changed_policy(policy: FailoverPolicy, settings: Sequence[str]) -> FailoverPolicy:
    changes: dict[str, Any] = {}
    for setting in settings:
        name, value = setting.split("=", 1)
        changes |= _SETTINGS[name](value)
    return replace(policy, **changes)


def new_instance(name: str, settings: Sequence[str], *, number: int, now: datetime) -> Instance:
    values = dict(setting.split("=", 1) for setting in settings)
    address = parse_address(values["address"]) if "address" in values else None
    return Instance(
        instance_id=UUID(int=number),
        proxy_id="web",
        name=name,
        priority=int(values.get("priority", "100")),
        weight=int(values.get("weight", "100")),
        address=address,
        resolved_host=address.host if address is not None and is_ip(address.host) else None,
        created_at=now,
    )


def changed_rules(rules: SafetyRules, settings: Sequence[str]) -> SafetyRules:
    """`min_serving=2`, `limit=3/60s`, `gates=a,fleet/b`, `freeze=NAME@10s..20s`; `off` takes one away."""
    for setting in settings:
        name, value = setting.split("=", 1)
        off = value == "off"
        match name:
            case "min_serving":
                rules = replace(rules, min_serving=None if off else int(value))
            case "limit":
                moves, _, window = value.partition("/")
                limit = None if off else MoveLimit(moves=int(moves), window_seconds=seconds(window))
                rules = replace(rules, move_limit=limit)
            case "gates":
                rules = replace(rules, gates=() if off else tuple(value.split(",")))
            case "freeze":
                rules = replace(rules, freezes=() if off else (*rules.freezes, _freeze(value)))
            case _:
                raise AssertionError(f"not a rule: {setting}")
    return rules


def _freeze(text: str) -> Freeze:
    name, _, span = text.partition("@")
    if ".." in span:
        first, _, last = span.partition("..")
        return Freeze(name=name, starts_at=wall(seconds(first)), ends_at=wall(seconds(last)))
    days, times, zone = span.split("/", 2)
    start, _, end = times.partition("-")
    return Freeze(
        name=name,
        days=tuple(Weekday(day) for day in days.split(",")),
        start=time.fromisoformat(start),
        end=time.fromisoformat(end),
        time_zone=zone,
    )


def scope_named(word: str, proxy_id: str) -> Scope:
    scopes = {"fleet": FLEET, "user": scope_of_user("ann"), "proxy": scope_of_proxy(proxy_id)}
    return scopes[word]


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def wall(at: float, offset: float = 0.0) -> datetime:
    return START + timedelta(seconds=at + offset)


def _one(field: str, read: Callable[[str], object]) -> Callable[[str], dict[str, object]]:
    return lambda value: {field: read(value)}


def _is_on(value: str) -> bool:
    assert value in {"on", "off"}, f"neither on nor off: {value}"
    return value == "on"


def _window(value: str) -> dict[str, object]:
    if value == "off":
        return {"failback_window": None}
    times, _, zone = value.partition("@")
    start, _, end = times.partition("-")
    window = FailbackWindow(
        start=time.fromisoformat(start), end=time.fromisoformat(end), time_zone=zone or "UTC"
    )
    return {"failback_window": window}


def _flap_damping(value: str) -> dict[str, object]:
    """`off`, or `suppress/reuse/half-life/maximum hold`, such as `3/1/120s/600s`."""
    if value == "off":
        return {"flap_damping": FlapDamping(enabled=False)}
    suppress, reuse, half_life, hold = value.split("/")
    damping = FlapDamping(
        suppress_limit=float(suppress),
        reuse_limit=float(reuse),
        half_life_seconds=seconds(half_life),
        max_hold_seconds=seconds(hold),
    )
    assert not flap_damping_problems(damping)
    return {"flap_damping": damping}


def _balancing(value: str) -> dict[str, object]:
    if value == "off":
        return {"enable_load_balancing": False}
    return {"enable_load_balancing": True, "load_balancing_algorithm": BalancingAlgorithm(value)}


def _gradual(value: str) -> dict[str, object]:
    """`off`, or `steps/dwell/most errors/fewest requests`, such as `5,25,100/30s/0.05/20`."""
    if value == "off":
        return {"gradual": None}
    steps, dwell, most, fewest = value.split("/")
    policy = GradualPolicy(
        steps=tuple(int(step) for step in steps.split(",")),
        dwell_seconds=seconds(dwell),
        max_error_rate=float(most),
        min_requests=int(fewest),
    )
    assert steps_problem(policy.steps) is None
    return {"gradual": policy}


def _quorum(value: str) -> Quorum:
    agree, observers = value.split("/")
    return Quorum(observers=int(observers), agree=int(agree))


_SETTINGS: Mapping[str, Callable[[str], dict[str, object]]] = {
    "strategy": _one("failover_strategy", Strategy),
    "fall": _one("unhealthy_threshold", int),
    "rise": _one("healthy_threshold", int),
    "interval": _one("health_check_interval_seconds", seconds),
    "timeout": _one("given_timeout_seconds", seconds),
    "fast": _one("given_fast_interval_seconds", seconds),
    "hold_down": _one("given_failback_hold_down_seconds", seconds),
    "recovery": _one("recovery_action", lambda kind: RecoveryAction(type=RecoveryActionType(kind))),
    "attempts": _one("max_recovery_attempts", int),
    "backoff": _one("recovery_backoff_seconds", seconds),
    "max_failbacks": _one("max_failbacks", int),
    "dwell": _one("min_dwell_seconds", seconds),
    "failback": _one("given_failback", FailbackMode),
    "window": _window,
    "flap_damping": _flap_damping,
    "all_down": _one("all_down", AllDown),
    "auto_failover": _one("enable_auto_failover", _is_on),
    "auto_recovery": _one("enable_auto_recovery", _is_on),
    "exclusive": _one("exclusive", _is_on),
    "balancing": _balancing,
    "gradual": _gradual,
    "quorum": lambda value: {"quorum": _quorum(value)},
    "check": lambda value: {"health_check": HealthCheck(type=CheckType(value))},
    "listener": lambda port: {"listener": Listener(port=int(port))},
}
