"""Which error of ours each of the server's and the driver's becomes; those that can be had are in the other files."""

import asyncpg
import pytest

from switchover.model.errors import OutcomeUnknown, OwnError, StoreUnavailable
from switchover.record.sql.errors import (
    ConnectionLost,
    NoAnswer,
    TransactionUndone,
    committing,
    own_errors,
    usable,
)
from switchover.record.unusable import UnusableDatabase


def said(code: str) -> BaseException:
    """What the driver makes of a server's error."""
    error: BaseException = asyncpg.PostgresError.new(
        {"C": code, "M": "its words", "S": "ERROR", "V": "ERROR"}
    )
    return error


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (said("40001"), TransactionUndone, "serialization failure"),
        (said("40P01"), TransactionUndone, "deadlock"),
        (asyncpg.InvalidCachedStatementError(""), TransactionUndone, "a migration changed a table"),
        (said("08006"), ConnectionLost, "the connection was lost"),
        (said("25P03"), ConnectionLost, "its transaction was idle for too long"),
        (said("57P01"), ConnectionLost, "the server ended our connection"),
        (said("57P02"), ConnectionLost, "the server crashed and restarts"),
        (asyncpg.ConnectionDoesNotExistError(""), ConnectionLost, "the connection was lost"),
        (asyncpg.InterfaceError("connection is closed"), ConnectionLost, "the connection was lost"),
        (asyncpg.InternalClientError("cannot switch to state 15"), ConnectionLost, "the connection was lost"),
        (ConnectionResetError(), ConnectionLost, "the connection was lost"),
        (TimeoutError(), NoAnswer, "did not answer in time"),
        (said("08001"), StoreUnavailable, "the server refused the connection"),
        (said("08P01"), StoreUnavailable, "or a pooler before it, did not understand the protocol"),
        (said("25006"), StoreUnavailable, "it is read-only"),
        (said("28P01"), StoreUnavailable, "the password is wrong"),
        (said("53100"), StoreUnavailable, "disk is full"),
        (said("53200"), StoreUnavailable, "no memory left"),
        (said("57P03"), StoreUnavailable, "starts up, shuts down or recovers: its words"),
        (said("XX000"), StoreUnavailable, "the server refused, code XX000: its words"),
        (ConnectionRefusedError(111, "refused"), StoreUnavailable, "the server cannot be reached"),
        (said("22P05"), OwnError, "did not understand us: its words"),
        (said("42601"), OwnError, "did not understand us: its words"),
        (asyncpg.DataError("out of range"), OwnError, "did not understand us: out of range"),
    ],
)
def test_an_error_is_told_as_whose_fault_it_is(
    error: BaseException, kind: type[OwnError], words: str
) -> None:
    with pytest.raises(OwnError, match=words) as told, own_errors():
        raise error

    assert type(told.value) is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (said("57P01"), OutcomeUnknown),
        (ConnectionResetError(), OutcomeUnknown),
        (TimeoutError(), OutcomeUnknown),
        (said("40001"), TransactionUndone),
        (said("53100"), StoreUnavailable),
    ],
)
def test_only_a_commit_that_got_no_answer_is_unknown(
    error: BaseException, kind: type[StoreUnavailable]
) -> None:
    with pytest.raises(StoreUnavailable) as told, committing():
        raise error

    assert type(told.value) is kind


@pytest.mark.parametrize("code", ["28000", "28P01", "3D000", "3F000", "42501"])
def test_what_trying_again_cannot_mend_makes_a_database_unusable(code: str) -> None:
    words = r"^postgresql://db/x: .*[;,] .* \(its words\)$"
    with pytest.raises(UnusableDatabase, match=words), usable("postgresql://db/x"):
        raise said(code)


@pytest.mark.parametrize("code", ["25006", "53300", "57P03", "08006", "40001"])
def test_what_trying_again_may_mend_leaves_a_database_usable(code: str) -> None:
    with pytest.raises(StoreUnavailable), usable("postgresql://db/x"):
        raise said(code)
