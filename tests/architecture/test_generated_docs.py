"""The documents say what the code says: generated parts, links, paths, commands and examples."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs.generate import PARTS, ROOT, documents, leaves, rewritten
from typer.main import get_command

from switchover.app.declaration import parse_declaration
from switchover.app.settings import load_settings
from switchover.cli.main import build

DOCUMENTS = documents()
OPENED = re.compile(r"<!-- generated: (.*?) -->")
BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"(?:[\w.-]+/)+[\w.-]*\.(?:py|md|txt|yaml|toml)(?=[\s:;]|$)")
SAID = re.compile(r"(?:^|\$ |/bin/)switchover(?P<words>(?: [a-z]+)+)")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=named)


def test_the_documents_are_found() -> None:
    assert {"README.md", "docs/quick-reference.md", "docs/architecture.md"} <= {named(p) for p in DOCUMENTS}


@each_document
def test_what_comes_from_the_code_is_as_the_code_has_it(path: Path) -> None:
    text = path.read_text("utf-8")
    assert rewritten(text) == text, "run `make docs`"


@each_document
def test_every_generated_part_exists_and_is_closed(path: Path) -> None:
    text = path.read_text("utf-8")
    opened = OPENED.findall(text)
    assert set(opened) <= PARTS.keys()
    assert len(opened) == text.count("<!-- end -->")


def test_a_part_that_does_not_exist_is_refused() -> None:
    with pytest.raises(KeyError, match="weather"):
        rewritten("<!-- generated: weather -->\n<!-- end -->\n")


def test_every_part_is_in_a_document() -> None:
    used = {name for path in DOCUMENTS for name in OPENED.findall(path.read_text("utf-8"))}
    assert used == PARTS.keys()


@each_document
def test_links_lead_to_what_is_there(path: Path) -> None:
    broken = []
    for target in LINK.findall(prose(path)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        led = (path.parent / file).resolve() if file else path
        if not led.exists() or (anchor and anchor not in anchors(led)):
            broken.append(target)
    assert broken == []


@each_document
def test_files_that_are_named_exist(path: Path) -> None:
    """Within code: from the root, from the source's root, or from the document's own folder."""
    places = (ROOT, ROOT / "src" / "switchover", path.parent)
    files = (file for code in CODE.findall(prose(path)) for file in PATH.findall(code) if "NAME" not in file)
    assert [file for file in files if not any((place / file).exists() for place in places)] == []


@each_document
def test_commands_that_are_named_exist(path: Path) -> None:
    known = {" ".join(words) for words, _ in leaves(get_command(build()))}
    text = path.read_text("utf-8")
    code = [
        *CODE.findall(prose(path)),
        *(line for block in blocks(text, "console") for line in block.splitlines()),
    ]
    said = [match["words"].strip() for line in code for match in SAID.finditer(line)]
    unknown = [words for words in said if not any(f"{words} ".startswith(f"{command} ") for command in known)]
    assert [words for words in unknown if words not in {command.split()[0] for command in known}] == []


@each_document
def test_declarations_and_settings_are_accepted(path: Path, tmp_path: Path) -> None:
    text = path.read_text("utf-8")
    for block in blocks(text, "yaml"):
        assert parse_declaration(block, name=named(path)).proxies
    for block in blocks(text, "toml"):
        assert tomllib.loads(block)
        file = tmp_path / "settings.toml"
        file.write_text(block, "utf-8")
        load_settings(file)


def prose(path: Path) -> str:
    """The document without its blocks."""
    return BLOCK.sub("", path.read_text("utf-8"))


def blocks(text: str, language: str) -> Iterator[str]:
    return (found["text"] for found in BLOCK.finditer(text) if found["language"] == language)


def anchors(path: Path) -> set[str]:
    """What headings are called in links, as GitHub and most others do it."""
    if path.is_dir():
        return set()
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
