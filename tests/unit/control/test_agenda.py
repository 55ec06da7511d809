"""What is due when."""

from hypothesis import given
from hypothesis import strategies as st

from switchover.control.agenda import Agenda


def test_what_is_due_is_taken_once_and_the_earliest_first() -> None:
    agenda: Agenda[str] = Agenda()
    agenda.put("b", 2.0)
    agenda.put("a", 1.0)
    agenda.put("later", 9.0)
    assert agenda.take(now=5.0, most=10) == ["a", "b"]
    assert agenda.take(now=5.0, most=10) == []
    assert agenda.earliest() == 9.0


def test_what_was_moved_is_due_at_its_new_time_only() -> None:
    agenda: Agenda[str] = Agenda()
    agenda.put("a", 1.0)
    agenda.put("a", 7.0)
    assert agenda.take(now=5.0, most=10) == []
    assert agenda.take(now=7.0, most=10) == ["a"]


def test_putting_earlier_never_makes_it_later() -> None:
    agenda: Agenda[str] = Agenda()
    agenda.put("a", 1.0)
    agenda.put_earlier("a", 5.0)
    assert agenda.earliest() == 1.0


def test_what_was_dropped_is_never_due() -> None:
    agenda: Agenda[str] = Agenda()
    agenda.put("a", 1.0)
    agenda.drop("a")
    assert agenda.earliest() is None
    assert "a" not in agenda


@given(entries=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20))), now=st.integers(0, 20))
def test_it_agrees_with_a_plain_dictionary(entries: list[tuple[int, int]], now: int) -> None:
    agenda: Agenda[int] = Agenda()
    plain: dict[int, int] = {}
    for key, due in entries:
        agenda.put(key, due)
        plain[key] = due
    taken = agenda.take(now=now, most=100)
    assert sorted(taken) == sorted(key for key, due in plain.items() if due <= now)
    assert [plain[key] for key in taken] == sorted(plain[key] for key in taken)
