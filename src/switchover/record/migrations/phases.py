"""When a revision may be applied, seen from replicas of the version before."""

from enum import StrEnum


class Phase(StrEnum):
    """A revision's word for itself: the constant `phase` in its file.

    PRE only adds (a table, a column with a default or null, an index, a weaker check): replicas of the
    version before work on. POST takes away what they need, so it waits until none of them runs.
    """

    PRE = "pre"
    POST = "post"
