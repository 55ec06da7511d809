import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchover.probe.finding import MOST_DETAIL_CHARACTERS, one_line


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("plain words", "plain words"),
        ("two\r\nlines", "two lines"),
        ('ok\n{"level": "error", "event": "forged"}', 'ok {"level": "error", "event": "forged"}'),
        ("\x1b[2J\x1b[1;31mred", "[2J [1;31mred"),
        ("right\u202eto left", "right to left"),
        ("a\u2028b\u2029c\x85d\x00e", "a b c d e"),
        ("\udc80 half a character", "half a character"),
        ("  spaced \t out ", "spaced out"),
        ("größer 漢字", "größer 漢字"),
        ("", ""),
    ],
)
def test_words_of_others_become_one_harmless_line(words: str, line: str) -> None:
    assert one_line(words) == line


def test_a_long_text_is_cut_where_it_can_be_seen() -> None:
    line = one_line("x" * 10_000_000)
    assert len(line) == MOST_DETAIL_CHARACTERS
    assert line.endswith("x…")


@given(st.text(alphabet=st.characters(), max_size=2000))
def test_no_text_breaks_the_line_or_the_bound(words: str) -> None:
    line = one_line(words)
    assert line.isprintable()
    assert len(line.splitlines()) <= 1
    assert len(line) <= MOST_DETAIL_CHARACTERS
    line.encode("utf-8")
