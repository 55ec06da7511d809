"""The error of a database that cannot be used as it is."""

from switchover.model.errors import OperatorError


class UnusableDatabase(OperatorError):  # noqa: N818 - it names a condition, as its siblings in model/errors.py do
    """The database that was named is missing, read-only, no database, or of another version.

    Trying again does not help. The message names the database without its password, says what is
    wrong, and what mends it.
    """
