"""Schemathesis over the OpenAPI document: whatever it makes up, the API does what the document says."""

import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis import BaseSchema, Case, GenerationMode, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.engine import events, from_schema
from tests.api_server import ServedApi, served_api
from tests.api_world import ApiWorld

from switchover.api.operations import OPERATIONS

HEADINGS = ("proxies", "instances", "automation", "failover", "orders", "recovery")
RELATIONS = {
    "config.allDown",
    "config.enableLoadBalancing",
    "config.failbackHoldDownSeconds",
    "config.failbackWindow.end",
    "config.failbackWindow.start",
    "config.fastIntervalSeconds",
    "config.flapDamping.maxHoldSeconds",
    "config.flapDamping.reuseLimit",
    "config.healthCheckTimeoutSeconds",
    "config.listener.port",
    "config.quorum.agree",
    "config.traffic.tryIdleTimeoutSeconds",
    "pinUntil",
    "config.rules.freezes[]",
    "config.rules.freezes[].endsAt",
    "config.rules.freezes[].name",
    "forSeconds",
    "freezes[]",
    "freezes[].endsAt",
    "freezes[].name",
    "reason",
    "scheduledFor",
    "scope",
    "config.recoveryAction.command",
    "config.recoveryAction.url",
    "since",
    "totalInstances",
    "until",
}
"""Fields whose value must fit another one, what is stored, or the time: JSON Schema has no words for that."""

VISIBLE = st.characters(categories=("L", "M", "N", "P", "S"), max_codepoint=0x2FFF)
PRINTABLE = st.text(VISIBLE, min_size=1, max_size=40)
FORMATS: Mapping[str, st.SearchStrategy[str]] = {
    "printable": PRINTABLE,
    "text": st.lists(PRINTABLE, min_size=1, max_size=5).map("\n".join),
    "host-port": st.builds(
        "{}:{}".format, st.sampled_from(["10.0.0.7", "web.example", "[2001:db8::7]"]), st.integers(1, 65535)
    ),
    "webhook-url": st.sampled_from(["https://ops.example/recover", "http://10.0.0.9:8080/a?b=c"]),
    "webhook-secret": st.sampled_from(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]),
    "bind-address": st.sampled_from(["127.0.0.1", "0.0.0.0", "::", "2001:db8::7"]),
    "scope": st.sampled_from(["fleet", "user:me", "user:bob", "proxy:web", "proxy:none"]),
    "clock-time": st.times().map("{:%H:%M}".format),
    "time-zone": st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]),
    "status-range": st.integers(100, 599).flatmap(
        lambda low: st.integers(low, 599).map(f"{low}-{{}}".format)
    ),
}
"""The document's own formats, and examples of them."""

for name, strategy in FORMATS.items():
    schemathesis.openapi.format(name, strategy)


@pytest.fixture
def served() -> Iterator[ServedApi]:
    with served_api() as running:
        yield running


@pytest.fixture
def taken_home(served: ServedApi) -> Iterator[None]:
    """Most ids in valid requests are replaced by ids of what exists: behind the 404s there is more to find."""

    def before_call(_context: HookContext, case: Case[Any], _arguments: dict[str, Any]) -> None:
        if case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE:
            _take_home(case, served)

    schemathesis.hook(before_call)
    yield
    schemathesis.hooks.unregister(before_call)


async def test_every_operation_is_under_one_of_the_headings(world: ApiWorld) -> None:
    document = (await world.http.get("/openapi.json")).json()
    tags = [operation["tags"] for path in document["paths"].values() for operation in path.values()]
    assert len(tags) == len(OPERATIONS)
    assert {tuple(names) for names in tags} == {(heading,) for heading in HEADINGS}


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("taken_home")
@pytest.mark.parametrize("heading", HEADINGS)
def test_operations_do_what_their_document_says(served: ServedApi, heading: str) -> None:
    document = _document(served, phases=("examples", "coverage", "fuzzing"))
    statuses = _run(document.include(tag=heading))
    # Otherwise nothing of the above would mean much. A conflict, too, comes from where the work is done.
    for operation, seen in statuses.items():
        assert seen & {200, 201, 409}, operation
        assert seen & {400, 404} or operation in {"GET /nodes", "GET /replicas"}, operation


@pytest.mark.timeout(600)
def test_operations_do_what_their_document_says_one_after_another(served: ServedApi) -> None:
    statuses = _run(_document(served, phases=("stateful",)))
    assert len(statuses) > len(OPERATIONS) / 3


def _document(served: ServedApi, phases: Iterable[str]) -> BaseSchema:
    config = schemathesis.Config.from_dict(
        {
            "seed": 1,
            "base-url": served.url,
            "headers": {"Authorization": f"Bearer {served.token}"},
            "continue-on-failure": True,
            "generation": {"deterministic": True, "max-examples": 20, "database": "none"},
            "phases": {
                phase: {"enabled": phase in phases}
                for phase in ("examples", "coverage", "fuzzing", "stateful")
            },
        }
    )
    document: BaseSchema = schemathesis.openapi.from_url(f"{served.url}/openapi.json", config=config)

    @document.hook
    def filter_failure(_context: HookContext, failure: Failure, _case: Case[Any], response: Response) -> bool:
        return "positive_data_acceptance" not in failure.checks or not _is_about_relations(response)

    return document


def _run(document: BaseSchema) -> Mapping[str, set[int]]:
    """Run all of schemathesis; operation → the statuses that it answered. Fails with every failure found."""
    found: list[str] = []
    statuses: dict[str, set[int]] = defaultdict(set)
    for event in from_schema(document).execute():
        match event:
            case events.ScenarioFinished(recorder=recorder):
                for case_id, interaction in recorder.interactions.items():
                    if interaction.response is not None and case_id in recorder.cases:
                        label = recorder.cases[case_id].value.operation.label
                        statuses[label].add(interaction.response.status_code)
                for check in (check for checks in recorder.checks.values() for check in checks):
                    if check.failure_info is not None:
                        info = check.failure_info
                        found.append(f"{recorder.label}: {check.name}: {info.failure}\n  {info.code_sample}")
            case events.NonFatalError() | events.FatalError():
                found.append(repr(event))
            case _:
                pass
    assert not found, "\n".join(found)
    return statuses


def _take_home(case: Case[Any], served: ServedApi) -> None:
    case.path_parameters = _at_home(case.path_parameters, served)
    case.body = _at_home(case.body, served)
    if case.method == "DELETE" and not case.path.endswith("/damping"):
        # What the other cases live on stays.
        case.path_parameters = served.something_to_delete(case.path_parameters)


def _at_home(values: Any, served: ServedApi) -> Any:
    if not isinstance(values, dict):
        return values
    homes: dict[str, Sequence[str]] = {
        "proxyId": ["web"],
        "instanceId": served.instance_ids,
        "sourceInstanceId": served.instance_ids,
        "targetInstanceId": served.instance_ids,
        "activeInstanceId": served.instance_ids,
        "eventId": served.event_ids,
        "scope": ["proxy:web", "user:me", "fleet"],
    }
    return {
        name: _one_of(homes[name], value) if name in homes and isinstance(value, str) else value
        for name, value in values.items()
    }


def _one_of(known: Sequence[str], value: str) -> str:
    # By the value alone, so that a request that is repeated is the same again.
    number = zlib.crc32(value.encode())
    return value if number % 4 == 0 else known[number // 4 % len(known)]


def _is_about_relations(response: Response) -> bool:
    if response.status_code != 400:
        return False
    problems = response.json()["error"]["details"]["problems"]
    return all(re.sub(r"[0-9]+(?=\])", "", problem["field"]) in RELATIONS for problem in problems)
