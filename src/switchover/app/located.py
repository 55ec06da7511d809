"""YAML as plain values that remember their place in the file."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from switchover.model.errors import FieldProblem

MOST_NODES = 1_000_000
"""Aliases let a few lines stand for billions of values; beyond this many the file is refused."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WHOLE = "(the file)"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line and a column, both from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


START = Place(1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A problem, in words, and where it is."""

    place: Place
    words: str

    def __str__(self) -> str:
        return f"{self.place}: {self.words}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A value of the file.

    Attributes:
        value: It and everything in it as plain dicts, lists and scalars.
        place: Where it begins.
        key_place: Where its key begins; its own place where it has none.
        parts: What a mapping or list contains, by key or index.
    """

    value: Any
    place: Place
    key_place: Place
    parts: dict[str, "Located"] = field(default_factory=dict)

    def child(self, key: str) -> "Located | None":
        """What stands under `key`; None when nothing does."""
        return self.parts.get(key)

    def children(self) -> Iterator[tuple[str, "Located"]]:
        """Every key with what stands under it."""
        return iter(self.parts.items())

    def items(self) -> Sequence["Located"]:
        """The elements of a list."""
        return tuple(self.parts.values())

    def nearest(self, steps: Sequence[str]) -> Place:
        """Where the value at `steps` (keys and indexes) begins, or the innermost thing that exists on the way."""
        here = self
        for step in steps:
            inner = here.parts.get(step)
            if inner is None:
                break
            here = inner
        return here.place


def read_yaml(content: bytes | str) -> tuple[Located, list[Placed]]:
    """The one document in `content`, and what keeps it from being plain data: broken syntax, a key that stands twice,
    values that JSON does not have, recursion. An empty file is None at its beginning.
    """
    builder = _Builder()
    try:
        root = yaml.compose(content, Loader=_Loader)
        if root is not None:
            _check_size(root, {})
        document = Located(value=None, place=START, key_place=START) if root is None else builder.build(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return _broken(
            _place(mark) if mark else START, " ".join(filter(None, (error.context, error.problem)))
        )
    except yaml.YAMLError as error:
        return _broken(START, " ".join(str(error).split()))
    except RecursionError:
        return _broken(START, "nested too deeply")
    return document, builder.problems


def _check_size(node: yaml.Node, sizes: dict[int, int]) -> int:
    """How many values `node` stands for, aliases resolved; told from the graph, before anything is built."""
    if id(node) in sizes:
        return sizes[id(node)]
    sizes[id(node)] = 1  # what it is to itself, if it is an alias of itself; the builder refuses that
    match node:
        case yaml.MappingNode():
            size = 1 + sum(_check_size(value, sizes) for _, value in node.value)
        case yaml.SequenceNode():
            size = 1 + sum(_check_size(value, sizes) for value in node.value)
        case _:
            size = 1
    if size > MOST_NODES:
        raise yaml.MarkedYAMLError(
            problem=f"{_WHOLE} is more than {MOST_NODES} values", problem_mark=node.start_mark
        )
    sizes[id(node)] = size
    return size


def _broken(place: Place, why: str) -> tuple[Located, list[Placed]]:
    nothing = Located(value=None, place=START, key_place=START)
    return nothing, [Placed(place=place, words=f"{why}; allowed is one YAML document")]


def _place(mark: yaml.Mark) -> Place:
    return Place(mark.line + 1, mark.column + 1)


class _Builder:
    def __init__(self) -> None:
        self.problems: list[Placed] = []
        self._constructor = yaml.constructor.SafeConstructor()
        self._open: set[int] = set()

    def build(self, node: yaml.Node, key_place: Place | None = None, path: str = "") -> Located:
        place = _place(node.start_mark)
        if id(node) in self._open:
            raise yaml.MarkedYAMLError(
                problem=f"{path or _WHOLE} is an alias of itself", problem_mark=node.start_mark
            )
        self._open.add(id(node))
        value: Any
        parts: dict[str, Located] = {}
        match node:
            case yaml.MappingNode():
                parts = self._mapping(node, path)
                value = {key: part.value for key, part in parts.items()}
            case yaml.SequenceNode():
                parts = {str(i): self.build(n, path=f"{path}[{i}]") for i, n in enumerate(node.value)}
                value = [part.value for part in parts.values()]
            case _:
                value = self._scalar(node, path)
        self._open.remove(id(node))
        return Located(value=value, place=place, key_place=key_place or place, parts=parts)

    def _mapping(self, node: yaml.MappingNode, path: str) -> dict[str, Located]:
        seen: dict[str, Place] = {}
        for key_node, _ in node.value:
            place = _place(key_node.start_mark)
            if not isinstance(key_node, yaml.ScalarNode):
                self._say(place, path or _WHOLE, "(a mapping or list as a key)", "allowed are names as keys")
                continue
            key = str(key_node.value)
            if key in seen:
                inner = f"{path}.{key}".lstrip(".")
                self._say(
                    place, inner, key, f"it stands in line {seen[key].line} already; allowed is each key once"
                )
            seen.setdefault(key, place)
        if len(seen) < len(node.value):
            return {}
        # `<<: *defaults` puts the keys of another mapping before the node's own, which then win.
        self._constructor.flatten_mapping(node)
        return {
            str(key_node.value): self.build(
                value_node, key_place=_place(key_node.start_mark), path=f"{path}.{key_node.value}".lstrip(".")
            )
            for key_node, value_node in node.value
        }

    def _scalar(self, node: yaml.Node, path: str) -> Any:
        place = _place(node.start_mark)
        try:
            value = self._constructor.construct_object(node)
        except (yaml.YAMLError, ValueError):
            self._say(place, path or _WHOLE, node.value, "allowed are texts, numbers, true, false and null")
            return None
        plain = value is None or isinstance(value, bool | int | str)
        if plain or (isinstance(value, float) and math.isfinite(value)):
            return value
        self._say(
            place,
            path or _WHOLE,
            node.value,
            "allowed are texts (quote it), finite numbers, true, false and null",
        )
        return None

    def _say(self, place: Place, path: str, value: Any, allowed: str) -> None:
        self.problems.append(Placed(place=place, words=str(FieldProblem(path, value, allowed))))
