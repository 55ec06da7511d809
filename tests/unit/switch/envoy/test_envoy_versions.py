import pytest

from switchover.switch.envoy.versions import (
    acknowledged_epoch,
    content_version,
    endpoints_version,
    epoch_token,
    token_epoch,
)


def test_the_epoch_comes_back_out_of_version_and_token() -> None:
    assert acknowledged_epoch(endpoints_version(42, b"content")) == 42
    assert token_epoch(epoch_token(42)) == 42


def test_equal_content_has_an_equal_version() -> None:
    assert content_version(b"x") == content_version(b"x") != content_version(b"y")


@pytest.mark.parametrize(
    "foreign", ["", "7", "-1-abc", "7-", "7-xyz", "seven-abc", "7-abc\n", "9" * 20 + "-a"]
)
def test_a_foreign_version_names_no_epoch(foreign: str) -> None:
    assert acknowledged_epoch(foreign) is None


@pytest.mark.parametrize("foreign", ["", "epoch-", "epoch--1", "zone-7", "epoch-7 ", "epoch-" + "9" * 20])
def test_a_foreign_token_names_no_epoch(foreign: str) -> None:
    assert token_epoch(foreign) is None
