import importlib.metadata
from collections.abc import Callable
from pathlib import Path

import pytest

from switchover.model.errors import OwnError
from switchover.switch.envoy.binary import examine, find_envoy


def _script(path: Path, answer: str) -> Path:
    path.write_text(f"#!/bin/sh\necho '{answer}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def without_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    def files(_: str) -> None:
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "files", files)


def test_the_wheels_binary_is_found_though_another_package_took_its_module() -> None:
    binary = examine(find_envoy())

    assert binary.path.parts[-2:] == ("_bin", "envoy")
    assert int(binary.version.split(".")[0]) >= 1


def test_a_given_binary_comes_first(tmp_path: Path) -> None:
    given = _script(tmp_path / "mine", "anything")

    assert find_envoy(given) == given


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda _: None])
def test_a_given_path_that_is_no_program_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "given")

    with pytest.raises(OwnError, match="pip install"):
        find_envoy(tmp_path / "given")


@pytest.mark.usefixtures("without_wheel")
def test_without_the_wheel_the_path_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OwnError, match="no Envoy was found; install it with"):
        find_envoy()

    on_path = _script(tmp_path / "envoy", "anything")

    assert find_envoy() == on_path


def test_a_version_is_read(tmp_path: Path) -> None:
    binary = _script(tmp_path / "e", "envoy  version: 0123abcd/1.37.2/Clean/RELEASE/BoringSSL")

    assert examine(binary).version == "1.37.2"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("hello", "is no Envoy"),
        ("envoy  version: ab/1.20.0/Clean/RELEASE/X", "is Envoy 1.20.0; needed is 1.34"),
    ],
)
def test_what_is_no_envoy_or_an_old_one_is_refused(tmp_path: Path, answer: str, words: str) -> None:
    with pytest.raises(OwnError, match=words):
        examine(_script(tmp_path / "e", answer))


def test_what_does_not_run_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x00\x01")
    broken.chmod(0o755)

    with pytest.raises(OwnError, match="does not run"):
        examine(broken)
