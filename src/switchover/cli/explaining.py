"""`switchover explain` and `switchover replay`: why it was done, why nothing is done, and whether it would be again."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.table import Table

from switchover.app.policy_file import PolicyFile
from switchover.cli.client import Api, Document, Refused
from switchover.cli.failures import CommandFailed, wrong_usage
from switchover.cli.options import (
    DEFAULT_DATA_DIR,
    DataDirOption,
    EventArgument,
    JsonOption,
    TokenOption,
    UrlOption,
    connect,
)
from switchover.cli.terminal import complain, print_json, results, styled
from switchover.control.documents import policy_document
from switchover.control.evidence import NotReplayable, Record, record_of
from switchover.control.explanation import names_in
from switchover.control.plain import plain
from switchover.control.replay import Replay
from switchover.control.replay import replay as replayed
from switchover.decision.reasons import sentence
from switchover.decision.verdict import Decision
from switchover.model.policy import FailoverPolicy

_NOT_FOUND = 404


def explain(
    *,
    target: Annotated[
        str,
        typer.Argument(metavar="EVENT|PROXY", help="An event's id, or a proxy's to ask what happens now."),
    ],
    as_json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Explain a recorded move, or why nothing happens to a proxy now.

    Of a move: what was seen, what was believed, who was considered and why not, how the nodes answered, how long each
    stage took. Of a proxy: what it waits for and until when. `switchover events PROXY --json` lists the ids.
    """
    with connect(url, token, data_dir) as api:
        document = _explained(api, target)
    if as_json:
        print_json(document)
    else:
        console = results()
        first, *others = document["words"]
        console.print(styled(first, "bold"))
        for line in others:
            console.print(styled(line))
    if api.warning is not None:
        complain(f"switchover: {api.warning}")


def replay(
    *,
    event: EventArgument,
    policy: Annotated[
        Path | None,
        typer.Option(
            "--policy", metavar="FILE", help="Settings (YAML, as in `config`) to decide by instead."
        ),
    ] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Make a recorded decision again, on what was seen then.

    It must be the same decision; every difference is shown, and the exit code is 1. With --policy the settings of FILE
    are merged over the recorded ones, and what would have been decided is shown.
    """
    if not _is_id(event):
        raise wrong_usage(f"EVENT: {event!r} is not valid; allowed is an event's id, see `switchover events`")
    file = None if policy is None else PolicyFile(policy)
    with connect(url, token, data_dir) as api:
        document = api.explanation(event)
    try:
        record = record_of(document["evidence"])
    except NotReplayable as why:
        raise CommandFailed(f"event {event} cannot be replayed: {why}") from why
    recorded_policy = record.view.proxy.policy
    tried = None if file is None else file.merged_into(recorded_policy)
    outcome = replayed(record, tried)
    settings = {} if tried is None else _changed(recorded_policy, tried)
    if as_json:
        print_json(_as_json(event, outcome, settings))
    else:
        _print(record, outcome, settings, policy)
    if tried is None and not outcome.is_same:
        raise CommandFailed("the decision replays differently; this version decides by other rules")


def _explained(api: Api, target: str) -> Document:
    if _is_id(target):
        try:
            return api.explanation(target)
        except Refused as refusal:
            # A proxy may be called by what looks like an event's id.
            if refusal.status != _NOT_FOUND:
                raise
            try:
                return api.standing(target)
            except Refused:
                raise refusal from None
    return api.standing(target)


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _changed(before: FailoverPolicy, after: FailoverPolicy) -> Mapping[str, tuple[Any, Any]]:
    old, new = policy_document(before), policy_document(after)
    return {name: (old.get(name), new[name]) for name in new if new[name] != old.get(name)}


def _print(
    record: Record, outcome: Replay, settings: Mapping[str, tuple[Any, Any]], policy: Path | None
) -> None:
    console = results()
    recorded = _told(record, outcome.recorded)
    if policy is None and outcome.is_same:
        console.print(styled(f"The same decision: {recorded}."))
        return
    console.print(styled(f"Recorded: {recorded}."))
    again = outcome.refusal if outcome.replayed is None else _told(record, outcome.replayed)
    console.print(styled(f"{'Replayed' if policy is None else f'With {policy}'}: {again}.", "bold"))
    if policy is not None:
        told = [f"{name} {old} → {new}" for name, (old, new) in settings.items()]
        console.print(
            styled(f"Other settings: {', '.join(told) or 'none; the file says what was in force'}.")
        )
    if outcome.differences:
        console.print(_difference_table([(d.path, d.recorded, d.replayed) for d in outcome.differences]))
    elif policy is not None:
        console.print(styled("That makes no difference here."))


def _difference_table(rows: Sequence[tuple[str, Any, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("DIFFERENCE", "RECORDED", "REPLAYED"):
        table.add_column(column, overflow="fold")
    for path, recorded, again in rows:
        table.add_row(styled(path), styled(_cell(recorded)), styled(_cell(again)))
    return table


def _cell(value: Any) -> str:
    if value is None:
        return "—"
    if isinstance(value, list):
        return ", ".join(_cell(item) for item in value) or "none"
    return str(value)


def _told(record: Record, decision: Decision) -> str:
    names = names_in(record.view)
    why = sentence(decision.reason, decision.facts)
    if not decision.acts:
        return f"hold: {why}"
    source = "nothing" if decision.source_instance_id is None else names.get(decision.source_instance_id, "?")
    target = "nothing" if decision.target_instance_id is None else names.get(decision.target_instance_id, "?")
    return f"{decision.kind.value} from {source} to {target}: {why}"


def _as_json(event: str, outcome: Replay, settings: Mapping[str, tuple[Any, Any]]) -> dict[str, Any]:
    return {
        "eventId": event,
        "same": outcome.is_same,
        "settings": {name: {"recorded": old, "tried": new} for name, (old, new) in settings.items()},
        "recorded": _decision_json(outcome.recorded),
        "replayed": None if outcome.replayed is None else _decision_json(outcome.replayed),
        "refusal": outcome.refusal,
        "differences": [
            {"path": d.path, "recorded": d.recorded, "replayed": d.replayed} for d in outcome.differences
        ],
    }


def _decision_json(decision: Decision) -> dict[str, Any]:
    return {
        "kind": decision.kind.value,
        "reason": sentence(decision.reason, decision.facts),
        "reasonCode": decision.reason.value,
        "sourceInstanceId": plain(decision.source_instance_id),
        "targetInstanceId": plain(decision.target_instance_id),
        "facts": dict(decision.facts),
        "candidates": [candidate.as_json() for candidate in decision.candidates],
        "detectedAt": plain(decision.detected_at),
        "waitsUntil": plain(decision.recheck_at),
    }
