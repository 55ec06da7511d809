"""Column types that mean the same on every engine."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, DateTime, Dialect, Enum, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

Name = String(63).with_variant(String(63, collation="C"), "postgresql")
"""The id of a proxy, compared byte by byte on every engine. Any other collation of PostgreSQL sorts by the words of
some language, and by new ones after an upgrade of the C library, which damages the indexes built before."""

IndexedText = Text().with_variant(Text(collation="C"), "postgresql")
"""Text in an index, compared byte by byte too."""

Document = JSON().with_variant(JSONB(), "postgresql")
"""A JSON document. Read and written whole; no query looks into one."""

OptionalDocument = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""A JSON document, or null: the database's, not JSON's."""


class UtcTime(TypeDecorator[datetime]):
    """An aware time in UTC. SQLite has no time zones, so it stores UTC and we put the zone back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the signature is SQLAlchemy's
        """The value in UTC; a naive one is refused, because nobody can tell what it means."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a stored time needs a time zone; {value.isoformat()} has none")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the signature is SQLAlchemy's
        """The stored time, aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def word_column(
    name: str,
    words: type[StrEnum],
    *,
    comment: str,
    nullable: bool = False,
    primary_key: bool = False,
    server_default: str | None = None,
) -> Column[Any]:
    """A column that holds one of an enum's words; a CHECK named after the column refuses any other."""
    # Not a native enum: PostgreSQL could not drop a value from one, SQLite has none.
    kind = Enum(
        words,
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=lambda members: [member.value for member in members],
        name=f"{name}_word",
    )
    return Column(
        name,
        kind,
        nullable=nullable,
        primary_key=primary_key,
        server_default=server_default,
        comment=comment,
    )
