"""The one place that turns the database library's errors into the project's own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InternalError,
    NotSupportedError,
    ProgrammingError,
    StatementError,
)
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from switchover.model.errors import Conflict, OutcomeUnknown, OwnError, StoreUnavailable
from switchover.record.sql import postgresql_errors, sqlite
from switchover.record.sql.postgresql_errors import DRIVER_ERRORS
from switchover.record.unusable import UnusableDatabase


class TransactionUndone(StoreUnavailable):
    """The database took the transaction back for others' sake; repeating it at once makes sense."""


class ConnectionLost(TransactionUndone):
    """The connection is gone. What was not committed is undone; of a commit under way nobody knows."""


class NoAnswer(StoreUnavailable):
    """The database said nothing for too long. Of a commit under way nobody knows."""


@contextmanager
def conflicts(words: Mapping[str, Conflict]) -> Iterator[None]:
    """Raise the conflict that belongs to the constraint which a statement in the block violates."""
    try:
        yield
    except IntegrityError as error:
        conflict = words.get(constraint_of(error) or "")
        if conflict is None:
            raise
        raise conflict from error


def constraint_of(error: IntegrityError) -> str | None:
    """The name of the constraint that was violated; None when the engine does not tell."""
    return postgresql_errors.violated_constraint(error) or sqlite.violated_constraint(str(error.orig))


@contextmanager
def own_errors() -> Iterator[None]:
    """Raise the project's errors for the library's.

    Raises:
        StoreUnavailable: Locked, full, read-only, gone, or no free connection in time.
        OwnError: We wrote what the schema refuses, or asked what it does not know.
        ValueError, TypeError: A value that no column takes, such as a time without a zone.
    """
    try:
        yield
    except NoFreeConnection as error:
        raise StoreUnavailable("the record is busy: no connection was free in time") from error
    except IntegrityError as error:
        name = constraint_of(error) or str(error.orig)
        raise OwnError(f"the record refused a row: {name}") from error
    except (DBAPIError, *DRIVER_ERRORS) as error:
        raise _own(error) from error
    except StatementError as error:
        if isinstance(error.orig, ValueError | TypeError):
            raise error.orig from error
        raise


@contextmanager
def committing() -> Iterator[None]:
    """For a commit: if nobody knows whether it came to be, say so.

    Raises:
        OutcomeUnknown: The connection was lost, or the answer did not come in time.
    """
    try:
        with own_errors():
            yield
    except (ConnectionLost, NoAnswer) as error:
        raise OutcomeUnknown(f"{error}; whether the record has the change is not known") from error


@contextmanager
def usable(database: str) -> Iterator[None]:
    """As `own_errors`, for opening: what trying again cannot mend is the database's fault.

    Args:
        database: What to call it in the message; no password.

    Raises:
        UnusableDatabase: It is read-only, damaged, no database, or cannot be opened.
    """
    with own_errors():
        try:
            yield
        except (DBAPIError, *DRIVER_ERRORS) as error:
            words = _unusable_words(error)
            if words is None:
                raise
            raise UnusableDatabase(f"{database}: {words}") from error


def _own(error: Exception) -> OwnError:
    found = postgresql_errors.driver_error(error)
    if found is None:
        if isinstance(error, DataError | InternalError | NotSupportedError | ProgrammingError):
            return OwnError(f"the record did not understand us: {error.orig}")
        return StoreUnavailable(f"the record is not available: {getattr(error, 'orig', error)}")
    if (words := postgresql_errors.undone_words(found)) is not None:
        return TransactionUndone(f"the record is not available: {words}")
    if (words := postgresql_errors.lost_words(found)) is not None:
        return ConnectionLost(f"the record is not available: {words}")
    if (words := postgresql_errors.unavailable_words(found)) is None:
        return OwnError(f"the record did not understand us: {found}")
    kind = NoAnswer if isinstance(found, TimeoutError) else StoreUnavailable
    return kind(f"the record is not available: {words}")


def _unusable_words(error: Exception) -> str | None:
    found = postgresql_errors.driver_error(error)
    if found is not None:
        return postgresql_errors.unusable_words(found)
    origin = getattr(error, "orig", None)
    return None if origin is None else sqlite.unusable_words(origin)
