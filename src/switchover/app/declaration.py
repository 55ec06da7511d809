"""The declarative file: proxies, their policies and their instances, in the API's names.

    proxies:
      - proxyId: web
        config: {listener: {port: 10000}}
        instances:
          - {instanceName: web-1, address: "127.0.0.1:9001", priority: 10}

Every value is checked by `control.documents`, so that the file, the API and the library accept the same things; here
each problem gets its place in the file.
"""

import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from switchover.app.located import Located, Place, Placed, read_yaml
from switchover.control.documents import parse_instance, parse_policy
from switchover.control.documents.document import no_such
from switchover.model.errors import FieldProblem, InvalidInput, OperatorError
from switchover.model.policy import FailoverPolicy
from switchover.model.proxy import check_proxy_id

MOST_FILE_BYTES = 16 * 1024 * 1024
_STANDARD_INPUT = Path("-")
_PROXY_FIELDS = ("proxyId", "config", "instances")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredInstance:
    """One instance of the file.

    Attributes:
        name: Unique within the proxy.
        data: The fields the file gives, `instanceName` among them; others are left as they are stored.
        preference: Sort key of the priority order: lowest priority, then higher weight, then name.
    """

    name: str
    data: Mapping[str, Any]
    preference: tuple[int, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredProxy:
    """One proxy of the file.

    Attributes:
        proxy_id: Unique within the file.
        config: The policy fields that the file gives; others are left as they are stored.
        policy: What these fields make of the defaults.
        instances: By preference, so that the preferred one is known first; None when the file does not speak of them.
    """

    proxy_id: str
    config: Mapping[str, Any]
    policy: FailoverPolicy
    instances: tuple[DeclaredInstance, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """Everything that one file declares, in the file's order."""

    proxies: tuple[DeclaredProxy, ...]


class InvalidDeclaration(OperatorError):  # noqa: N818 - it names a condition, as `InvalidInput` does
    """The file cannot be applied; nothing was changed.

    Attributes:
        lines: One `file:line:column: field: value …; allowed is …` per problem, in the file's order.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


def read_declaration(path: Path) -> Declaration:
    """Read and check the file at `path`; `-` is standard input.

    Raises:
        InvalidDeclaration: It cannot be read, is no YAML, or says something that is not allowed.
    """
    name = "standard input" if path == _STANDARD_INPUT else str(path)
    try:
        with nullcontext(sys.stdin.buffer) if path == _STANDARD_INPUT else path.open("rb") as file:
            content = file.read(MOST_FILE_BYTES + 1)
    except OSError as error:
        raise InvalidDeclaration([f"{name}: cannot be read: {error.strerror or error}"]) from error
    if len(content) > MOST_FILE_BYTES:
        raise InvalidDeclaration(
            [f"{name}: is larger than {MOST_FILE_BYTES} bytes, which is the most allowed"]
        )
    return parse_declaration(content, name=name)


def parse_declaration(content: bytes | str, *, name: str) -> Declaration:
    """Check `content`, naming it `name` in problems.

    Raises:
        InvalidDeclaration: It is no YAML, or says something that is not allowed.
    """
    document, problems = read_yaml(content)
    checker = _Checker(document)
    proxies: tuple[DeclaredProxy, ...] = ()
    if not problems:
        proxies = checker.declaration()
        problems = checker.problems
    if problems:
        in_order = sorted(problems, key=lambda placed: placed.place)
        raise InvalidDeclaration([f"{name}:{placed}" for placed in in_order])
    return Declaration(proxies=proxies)


class _Checker:
    """Walks the document once and collects every problem with its place."""

    def __init__(self, document: Located) -> None:
        self.problems: list[Placed] = []
        self._document = document

    def declaration(self) -> tuple[DeclaredProxy, ...]:
        root = self._document
        if not isinstance(root.value, dict):
            self._say(root.place, "(the file)", root.value, 'allowed is a mapping with the key "proxies"')
            return ()
        self._only(root, ("proxies",), "")
        listed = root.child("proxies")
        if listed is None or not isinstance(listed.value, list):
            place = root.place if listed is None else listed.place
            self._say(
                place, "proxies", None if listed is None else listed.value, "allowed is a list of proxies"
            )
            return ()
        proxies = [self._proxy(item, f"proxies[{i}]") for i, item in enumerate(listed.items())]
        found = [proxy for proxy in proxies if proxy is not None]
        self._refuse_twice(
            [
                (item.child("proxyId") or item, f"proxies[{i}].proxyId")
                for i, item in enumerate(listed.items())
            ],
            "allowed is each proxyId once per file",
        )
        return tuple(found)

    def _proxy(self, node: Located, path: str) -> DeclaredProxy | None:
        if not isinstance(node.value, dict):
            self._say(node.place, path, node.value, f"allowed is a mapping with {', '.join(_PROXY_FIELDS)}")
            return None
        self._only(node, _PROXY_FIELDS, f"{path}.")
        before = len(self.problems)
        given = node.value.get("config")
        config = {} if given is None else given
        policy = FailoverPolicy()
        try:
            check_proxy_id(node.value.get("proxyId"))
        except InvalidInput as error:
            self._take(error, node, path)
        try:
            policy = parse_policy(config, None)
        except InvalidInput as error:
            self._take(error, node, path, within="config")
        listed = node.child("instances")
        instances = None if listed is None else self._instances(listed, f"{path}.instances")
        if len(self.problems) > before:
            return None
        return DeclaredProxy(
            proxy_id=node.value["proxyId"], config=config, policy=policy, instances=instances
        )

    def _instances(self, node: Located, path: str) -> tuple[DeclaredInstance, ...]:
        if not isinstance(node.value, list):
            self._say(node.place, path, node.value, "allowed is a list of instances")
            return ()
        found = [self._instance(item, f"{path}[{i}]") for i, item in enumerate(node.items())]
        self._refuse_twice(
            [
                (item.child("instanceName") or item, f"{path}[{i}].instanceName")
                for i, item in enumerate(node.items())
            ],
            "allowed is each instanceName once per proxy",
        )
        return tuple(sorted((i for i in found if i is not None), key=lambda i: i.preference))

    def _instance(self, node: Located, path: str) -> DeclaredInstance | None:
        if not isinstance(node.value, dict):
            self._say(
                node.place, path, node.value, "allowed is a mapping with instanceName, address, priority, …"
            )
            return None
        try:
            parsed = parse_instance(node.value)
        except InvalidInput as error:
            self._take(error, node, path, within="instanceData")
            return None
        return DeclaredInstance(
            name=parsed.name, data=node.value, preference=(parsed.priority, -parsed.weight, parsed.name)
        )

    def _only(self, node: Located, allowed: Sequence[str], prefix: str) -> None:
        for key, child in node.children():
            if key not in allowed:
                words = no_such("field", str(key), allowed)
                self._say(child.key_place, f"{prefix}{key}", child.value, words)

    def _refuse_twice(self, named: Sequence[tuple[Located, str]], allowed: str) -> None:
        seen: dict[str, Place] = {}
        for node, path in named:
            if not isinstance(node.value, str):
                continue
            first = seen.setdefault(node.value, node.place)
            if first != node.place:
                self._say(node.place, path, node.value, f"it stands in line {first.line} already; {allowed}")

    def _take(self, error: InvalidInput, node: Located, path: str, within: str = "") -> None:
        """Give each problem of `error` the place of the field it names, or of the nearest thing around it."""
        for problem in error.problems:
            steps = problem.field.replace("[", ".").replace("]", "").split(".")
            if within and steps[0] == within:
                steps = steps[1:]
            start = (node.child(within) if within == "config" else None) or node
            inner = f"{path}.config" if within == "config" else path
            shown = inner + "".join(f"[{step}]" if step.isdigit() else f".{step}" for step in steps)
            self._say(start.nearest(steps), shown, problem.value, problem.allowed)

    def _say(self, place: Place, field: str, value: Any, allowed: str) -> None:
        self.problems.append(Placed(place=place, words=str(FieldProblem(field, value, allowed))))
