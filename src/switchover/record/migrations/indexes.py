"""Building an index while others write."""

from collections.abc import Sequence
from typing import Any

from alembic import op
from sqlalchemy import text


def create_index_beside_writers(name: str, table: str, columns: Sequence[str], **options: Any) -> None:
    """Create an index without keeping anybody from writing; a revision that calls this does nothing else.

    PostgreSQL does it outside of any transaction. If that is cut short, an invalid index stays behind, which the
    next attempt drops first. Elsewhere it is an ordinary index.

    Args:
        name: Of the index.
        table: Of the table.
        columns: Names of the columns, in order.
        **options: As `op.create_index` takes them, such as `unique`.
    """
    context = op.get_context()
    if context.dialect.name != "postgresql" or context.connection is None:
        op.create_index(name, table, columns, **options)
        return
    with context.autocommit_block():
        # It waits for older transactions, and nobody waits for it, so it may take long.
        lock_timeout = context.connection.execute(text("SHOW lock_timeout")).scalar_one()
        op.execute("SET lock_timeout = 0")
        try:
            op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
            op.create_index(name, table, columns, postgresql_concurrently=True, **options)
        finally:
            op.execute(f"SET lock_timeout = '{lock_timeout}'")
