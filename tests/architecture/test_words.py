"""Names say what a thing is: no drawer for whatever did not fit elsewhere."""

from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "switchover"
DRAWERS = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "base", "misc"}


def test_no_module_is_a_drawer() -> None:
    assert [path for path in SOURCE.rglob("*") if path.stem in DRAWERS] == []


def test_every_package_says_what_belongs_in_it_and_what_must_not() -> None:
    silent = [
        str(init.relative_to(SOURCE))
        for room in SOURCE.iterdir()
        if room.is_dir()
        and (init := room / "__init__.py").exists()
        and "must not" not in " ".join(init.read_text().split())
    ]
    assert silent == []
