"""The language of the scenario files: what a script says, read into values. `README.md` describes it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from switchover.model.address import is_ip, parse_address
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


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def wall(at: float, offset: float = 0.0) -> datetime:
    return START + timedelta(seconds=at + offset)


def _one(field: str, read: Callable[[str], object]) -> Callable[[str], dict[str, object]]:
    return lambda value: {field: read(value)}


def _is_on(value: str) -> bool:
    assert value in {"on", "off"}, f"neither on nor off: {value}"
    return value == "on"


def _balancing(value: str) -> dict[str, object]:
    if value == "off":
        return {"enable_load_balancing": False}
    return {"enable_load_balancing": True, "load_balancing_algorithm": BalancingAlgorithm(value)}


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
    "max_failbacks": _one("max_failbacks", int),
    "auto_failover": _one("enable_auto_failover", _is_on),
    "auto_recovery": _one("enable_auto_recovery", _is_on),
    "exclusive": _one("exclusive", _is_on),
    "balancing": _balancing,
    "quorum": lambda value: {"quorum": _quorum(value)},
    "check": lambda value: {"health_check": HealthCheck(type=CheckType(value))},
    "listener": lambda port: {"listener": Listener(port=int(port))},
}
