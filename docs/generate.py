"""Rewrites the generated parts of the documents: `make docs`.

A generated part stands between `<!-- generated: NAME -->` and `<!-- end -->`. What is between them comes from the
code that it tells of, so that a table in the docs and a table in the code are one thing.
`tests/architecture/test_generated_docs.py` fails when they differ.
"""

import inspect
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any

from docs.examples import examples
from pydantic import BaseModel
from typer.main import get_command

from switchover.api.operations import OPERATIONS
from switchover.api.reference import error_table, permissions_table
from switchover.app.settings import PREFIX, Settings
from switchover.cli.main import build
from switchover.control.documents.completion import CompletionDocument
from switchover.control.documents.instance import InstanceDocument
from switchover.control.documents.metrics import MetricsDocument
from switchover.control.documents.policy import (
    HealthCheckDocument,
    ListenerDocument,
    PolicyDocument,
    TrafficDocument,
)
from switchover.control.documents.recovery import RecoveryActionDocument
from switchover.control.documents.redundancy import RedundancyDocument
from switchover.control.documents.steadiness import FailbackWindowDocument, FlapDampingDocument
from switchover.control.service import ProxyFailoverService
from switchover.decision.reasons import Reason, Veto, sentence
from switchover.health.transitions import diagram
from switchover.record.sql.schema import metadata

ROOT = Path(__file__).parents[1]
_PART = re.compile(r"(?P<begin><!-- generated: (?P<name>[a-z-]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL)
_FORMATS = {
    "bind-address": "IP address",
    "clock-time": "time of day such as `22:30`",
    "date-time": "time (RFC 3339)",
    "host-port": "`host:port`",
    "printable": "printable text",
    "webhook-secret": "`whsec_` and base64",
    "webhook-url": "http or https URL",
    "status-range": "range such as `200-399`",
    "time-zone": "IANA time zone",
    "uuid": "UUID",
}
_EXAMPLE_FACTS: Mapping[str, int | float | str] = {
    "failures": 3,
    "seconds": 12.0,
    "proxy": "web",
    "instance": "web-1",
    "opens": "open from 2026-01-31 22:00Z",
    "scope": "proxy web",
    "by": "ann",
    "reason": "deploy",
    "gate": "deploys-are-done",
    "freeze": "night",
    "until": "2026-01-31T06:00:00Z",
    "moves": 5,
    "serving": 1,
    "needed": 2,
    "instances": "web-1, web-2",
    "failing": 8,
    "seen": 10,
    "references": 2,
    "down": 1,
    "agree": 2,
    "observers": 3,
}


def documents() -> Sequence[Path]:
    """Every Markdown file of the project."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def rewritten(text: str) -> str:
    """`text` with every generated part as the code has it now.

    Raises:
        KeyError: A part has a name that is not in `PARTS`.
    """
    return _PART.sub(lambda part: f"{part['begin']}\n{PARTS[part['name']]()}\n{part['end']}", text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a bar within a cell stays a bar."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def rooms() -> str:
    """The rooms from the outermost to the innermost, in the words of their own docstrings."""
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    return table(
        ["room", "what it does", "what belongs there", "what must not"],
        (
            [f"`{name}/`", *_said_by_room(name)]
            for layer in linter["contracts"][0]["layers"]
            for name in (part.strip() for part in layer.split("|"))
        ),
    )


def _said_by_room(name: str) -> Sequence[str]:
    words = " ".join((import_module(f"switchover.{name}").__doc__ or "").split())
    said = re.fullmatch(r"(.*?) What belongs here: (.*?) What must not: (.*)", words)
    if said is None:
        raise ValueError(f"switchover.{name} does not say what belongs there and what must not")
    return said.groups()


def endpoints() -> str:
    """Every operation of the API."""
    return table(
        ["method and path", "what it does", "permission", "success", "its own codes"],
        (
            [
                f"`{operation.method.value} {operation.path}`",
                operation.summary,
                f"`{operation.permission.value}`",
                str(operation.success.value),
                ", ".join(
                    code.value.removeprefix("PROXY_FAILOVER_")
                    for code in dict.fromkeys(
                        (operation.codes.invalid, operation.codes.failed, operation.codes.not_found)
                    )
                    if code is not None
                ),
            ]
            for operation in OPERATIONS.values()
        ),
    )


def service() -> str:
    """The public methods of `ProxyFailoverService`."""
    members = inspect.getmembers_static(ProxyFailoverService, inspect.isfunction)
    modules = [base.__module__ for base in ProxyFailoverService.__mro__]
    listed = sorted(
        (method for name, method in members if not name.startswith("_")),
        key=lambda method: (modules.index(method.__module__), method.__code__.co_firstlineno),
    )
    return table(["method", "contract"], ([f"`{_signature(m)}`", _first_line(m)] for m in listed))


def _signature(method: Callable[..., Any]) -> str:
    names: list[str] = []
    for parameter in inspect.signature(method).parameters.values():
        if parameter.name in {"self", "actor"}:
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in names:
            names.append("*")
        optional = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
        names.append(f"{parameter.name}{optional}")
    return f"{method.__name__}({', '.join(names)})"


def _first_line(item: object) -> str:
    return (inspect.getdoc(item) or "").split("\n\n")[0].replace("\n", " ")


def settings() -> str:
    """Every process setting."""
    return table(
        ["variable", "in the file", "default", "meaning"],
        (
            [
                f"`{PREFIX}{name.upper()}`",
                f"`{name}`",
                _default(field.default if field.default != {} else None),
                field.description or "",
            ]
            for name, field in Settings.model_fields.items()
        ),
    )


def _default(value: object) -> str:
    match value:
        case None | "":
            return "—"
        case bool():
            return f"`{str(value).lower()}`"
        case StrEnum():
            return f"`{value.value}`"
        case tuple() | list():
            return ", ".join(f"`{item}`" for item in value)
        case _ if value == {}:
            return "see below"
        case _:
            return f"`{value}`"


def fields_of(document: type[BaseModel], *, optional: bool = False) -> Callable[[], str]:
    """Writes the fields that users may send in `document`; `optional` when a missing one has no default."""

    def write() -> str:
        schema = document.model_json_schema()
        kinds, required = schema.get("$defs", {}), schema.get("required", ())
        head = ["field", "allowed", "meaning"] if optional else ["field", "allowed", "default", "meaning"]
        rows = []
        for name, field in schema["properties"].items():
            default = "required" if name in required else _default(field.get("default"))
            defaults = [] if optional else [default]
            rows.append([f"`{name}`", _allowed(field, kinds), *defaults, field.get("description", "")])
        return table(head, rows)

    return write


def _allowed(schema: Mapping[str, Any], kinds: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return _allowed(kinds[schema["$ref"].rpartition("/")[2]], kinds)
    if "anyOf" in schema:
        choices = [_allowed(choice, kinds) for choice in schema["anyOf"] if choice.get("type") != "null"]
        return " or ".join(dict.fromkeys(choices))
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    if "const" in schema:
        return f"{schema['const']}"
    match schema.get("type"):
        case "integer" | "number" as kind:
            whole = "whole number" if kind == "integer" else "number"
            words = f"{whole}, {schema['minimum']:g} to {schema['maximum']:.10g}"
        case "array":
            words = f"list: {_allowed(schema['items'], kinds)}"
        case "boolean":
            words = "`true`, `false`"
        case "object":
            words = "object"
        case _:
            kind = _FORMATS.get(schema.get("format", ""), "text")
            words = f"{kind}, at most {schema['maxLength']} characters" if "maxLength" in schema else kind
    return words


def commands() -> str:
    """Every command with its options, as `--help` tells them."""
    return table(
        ["command", "what it does", "options"],
        (
            [
                f"`{' '.join(('switchover', *path, *_arguments(command)))}`",
                (command.help or "").partition("\n\n")[0].replace("\n", " "),
                ", ".join(f"`{max(option.opts, key=len)}`" for option in options_of(command)),
            ]
            for path, command in leaves(get_command(build()))
        ),
    )


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, with the words that call it."""
    commands_below: Mapping[str, Any] = getattr(command, "commands", {})
    if not commands_below:
        yield path, command
    for name, below in commands_below.items():
        yield from leaves(below, (*path, name))


def options_of(command: Any) -> Sequence[Any]:
    """The options of a command."""
    return [parameter for parameter in command.params if parameter.param_type_name == "option"]


def _arguments(command: Any) -> Iterator[str]:
    return (p.metavar or p.name.upper() for p in command.params if p.param_type_name == "argument")


def tables() -> str:
    """Every table of the database, with its columns."""
    return table(
        ["table", "what it holds", "columns"],
        (
            [
                f"`{found.name}`",
                found.comment or "",
                ", ".join(f"`{column.name}`" for column in found.columns),
            ]
            for _, found in sorted(metadata.tables.items())
        ),
    )


def reasons() -> str:
    """Every reason code with its sentence; the numbers are examples."""
    return table(
        ["reason code", "sentence"],
        ([f"`{reason.value}`", sentence(reason, _EXAMPLE_FACTS)] for reason in Reason),
    )


def vetoes() -> str:
    """Every veto, in the order in which they are told."""
    return f"{', '.join(f'`{veto.value}`' for veto in Veto)}.\n"


def examples_of_operations() -> str:
    """Each operation with what it does, a request and its answer."""
    found = examples()
    parts = [
        f"#### {operation.summary}\n\n{found.descriptions[name]}\n\n{found.of_operation[name].markdown()}"
        for name, operation in OPERATIONS.items()
    ]
    return "\n".join(parts)


def examples_of_failures() -> str:
    """What refusals look like."""
    return "\n".join(example.markdown() for example in examples().of_failure)


def import_rule() -> str:
    """The layers as the linter has them."""
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    return f"```text\n{' → '.join(linter['contracts'][0]['layers'])}\n```\n"


def tutorial_file() -> str:
    """The file that the tutorial declares."""
    return f"```yaml\n{(ROOT / 'examples' / 'web.yaml').read_text('utf-8')}```\n"


def library_example() -> str:
    """The program that uses the library."""
    return f"```python\n{(ROOT / 'examples' / 'library.py').read_text('utf-8')}```\n"


PARTS: Mapping[str, Callable[[], str]] = {
    "rooms": rooms,
    "import-rule": import_rule,
    "tutorial-file": tutorial_file,
    "library-example": library_example,
    "endpoints": endpoints,
    "examples": examples_of_operations,
    "failures": examples_of_failures,
    "permissions": permissions_table,
    "errors": error_table,
    "service": service,
    "settings": settings,
    "commands": commands,
    "tables": tables,
    "reasons": reasons,
    "vetoes": vetoes,
    "health-states": lambda: f"```mermaid\n{diagram()}```\n",
    "config-fields": fields_of(PolicyDocument),
    "health-check-fields": fields_of(HealthCheckDocument),
    "listener-fields": fields_of(ListenerDocument),
    "traffic-fields": fields_of(TrafficDocument),
    "flap-damping-fields": fields_of(FlapDampingDocument),
    "failback-window-fields": fields_of(FailbackWindowDocument),
    "recovery-action-fields": fields_of(RecoveryActionDocument),
    "instance-fields": fields_of(InstanceDocument),
    "metrics-fields": fields_of(MetricsDocument, optional=True),
    "completion-fields": fields_of(CompletionDocument),
    "redundancy-fields": fields_of(RedundancyDocument, optional=True),
}
"""Name of a generated part → what writes it."""


def main() -> int:
    """Rewrite every document; 0."""
    for path in documents():
        text = path.read_text("utf-8")
        fresh = rewritten(text)
        if fresh != text:
            path.write_text(fresh, "utf-8")
            sys.stdout.write(f"{path.relative_to(ROOT)}: rewritten\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
