"""Every rule of health and decision as a story: the script is played, and its trace must be the recorded one."""

from pathlib import Path

import pytest
from tests.scenarios.scenario_language import RULE, split
from tests.scenarios.scenario_runner import run

SCENARIOS = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_the_story_goes_as_recorded(path: Path, request: pytest.FixtureRequest) -> None:
    text = path.read_text()
    script, recorded = split(text)
    played = run(script)
    if request.config.getoption("--rewrite-scenarios", default=False):
        path.write_text(f"{script}{RULE}\n{played}")
        return
    assert played == recorded


def test_every_story_begins_with_its_rule_and_tells_something() -> None:
    assert SCENARIOS
    for path in SCENARIOS:
        script, recorded = split(path.read_text())
        assert script.startswith("# "), f"{path.name} does not say its rule"
        assert recorded.strip(), f"{path.name} was never recorded"
