"""A file stops at 400 lines and a function at 70 (CONTRIBUTING.md, "Small")."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST_LINES_PER_FILE = 400
MOST_LINES_PER_FUNCTION = 70
SOURCES = sorted(
    path for folder in ("src", "tests", "bench", "docs") for path in (ROOT / folder).rglob("*.py")
)


def test_a_file_stops_at_400_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in SOURCES}
    assert {path: length for path, length in lengths.items() if length > MOST_LINES_PER_FILE} == {}


def test_a_function_stops_at_70_lines() -> None:
    lengths = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: length for name, length in lengths.items() if length > MOST_LINES_PER_FUNCTION} == {}
