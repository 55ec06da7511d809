"""`switchover simulate`: what another policy would have made of what happened."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from switchover.app.clock import SystemClock
from switchover.app.policy_file import PolicyFile
from switchover.cli.failures import wrong_usage
from switchover.cli.options import (
    DEFAULT_DATA_DIR,
    DataDirOption,
    JsonOption,
    TokenOption,
    UrlOption,
    connect,
)
from switchover.cli.recorded import Recorded, recorded
from switchover.cli.terminal import complaints, print_json, results, styled
from switchover.cli.times import seconds
from switchover.control.plain import plain
from switchover.control.simulation import Tally, recorded_tally, tally_of
from switchover.control.simulation import simulate as simulated
from switchover.model.policy import FailoverPolicy

RECORDED, IN_FORCE, TRIED = "recorded", "in force", "tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    proxy_id: str
    tallies: dict[str, Tally]
    gaps: Sequence[str]


def simulate(
    *,
    proxy: Annotated[str | None, typer.Argument(metavar="[PROXY]", help="The proxy's id, or --all.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every proxy that the token may see.")] = False,
    policy: Annotated[
        Path, typer.Option("--policy", metavar="FILE", help="Settings (YAML, as in `config`) to try.")
    ],
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="How far back, such as 12h or 7d; at most 366d.")
    ] = "7d",
    as_json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Count moves, flaps and time down over the recorded history: as they were, by the policy in force, by that in FILE.

    The settings of FILE are merged over those in force. The real engine runs over every recorded turn of health and
    every order. Failures that never made an instance unhealthy are not on record, so a lower unhealthyThreshold shows
    fewer moves than it would have made; other intervals, time-outs and kinds of check cannot be shown.
    """
    if (proxy is None) is not every:
        raise wrong_usage("PROXY: give a proxy's id, or --all for every one")
    file = PolicyFile(policy)
    until = SystemClock().now()
    begin = until - timedelta(seconds=seconds("--since", since))
    with connect(url, token, data_dir) as api:
        documents = list(api.proxies()) if proxy is None else [api.proxy(proxy)]
        found: list[_Result] = []
        with _progress() as bar:
            for document in documents:
                task = bar.add_task(str(document["proxyId"]), total=1.0)
                known = recorded(api, document, begin, until)
                found.append(_tried(known, file.merged_into(known.history.proxy.policy), bar, task))
    if as_json:
        print_json(
            {
                "since": plain(begin),
                "until": plain(until),
                "proxies": [_as_json(result) for result in found],
            }
        )
        return
    console = results()
    console.print(_table(found, str(policy)))
    for result in found:
        for gap in result.gaps:
            console.print(styled(f"{result.proxy_id}: {gap}.", "dim"))


def _tried(known: Recorded, tried: FailoverPolicy, bar: Progress, task: Any) -> _Result:
    history = known.history

    def half(offset: float, share: float) -> None:
        bar.update(task, completed=offset + share / 2)

    in_force = simulated(history, history.proxy.policy, lambda share: half(0.0, share))
    other = simulated(history, tried, lambda share: half(0.5, share))
    tallies = {
        RECORDED: recorded_tally(history),
        IN_FORCE: tally_of(history, in_force),
        TRIED: tally_of(history, other),
    }
    return _Result(proxy_id=history.proxy.proxy_id, tallies=tallies, gaps=known.gaps)


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on standard error, on a terminal alone."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=complaints(), disable=not sys.stderr.isatty(), transient=True) as bar:
        yield bar


def _table(found: Sequence[_Result], file: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("PROXY", "POLICY", "MOVES", "FAILOVERS", "FAILBACKS", "BY HAND", "FLAPS", "DOWN"):
        table.add_column(column, justify="left" if column in {"PROXY", "POLICY"} else "right")
    names = {RECORDED: "as recorded", IN_FORCE: "in force", TRIED: file}
    for result in found:
        for name, tally in result.tallies.items():
            table.add_row(
                styled(result.proxy_id if name == RECORDED else "", "bold"),
                styled(names[name]),
                *(
                    str(n)
                    for n in (tally.moves, tally.failovers, tally.failbacks, tally.by_hand, tally.flaps)
                ),
                _minutes(tally.down_seconds),
            )
    return table


def _minutes(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.1f} min"  # noqa: PLR2004 - a minute


def _as_json(result: _Result) -> dict[str, Any]:
    return {
        "proxyId": result.proxy_id,
        **{
            key: {
                "moves": tally.moves,
                "failovers": tally.failovers,
                "failbacks": tally.failbacks,
                "byHand": tally.by_hand,
                "flaps": tally.flaps,
                "minutesDown": round(tally.down_seconds / 60, 3),
            }
            for key, tally in zip(("recorded", "inForce", "tried"), result.tallies.values(), strict=True)
        },
        "gaps": list(result.gaps),
    }
