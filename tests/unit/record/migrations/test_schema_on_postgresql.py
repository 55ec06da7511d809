"""What the migrations build on a real PostgreSQL is what the code uses."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect
from tests.postgresql_server import PostgresqlServer

from switchover.record.migrations.run import upgrade
from switchover.record.sql.engine import Database
from switchover.record.sql.schema import metadata


def _differences(connection: Connection) -> list[Any]:
    # Types, defaults, keys, indexes and comments are all compared.
    return list(compare_metadata(MigrationContext.configure(connection), metadata))


def _checks(connection: Connection) -> dict[str, set[str]]:
    inspector = inspect(connection)
    return {
        table: {str(check["name"]) for check in inspector.get_check_constraints(table)}
        for table in metadata.tables
    }


async def test_the_migrations_build_the_very_tables_that_the_code_uses(
    postgresql_server: PostgresqlServer,
) -> None:
    async with postgresql_server.database() as name:
        url = postgresql_server.url(name)
        await upgrade(url)
        database = Database.at(url)
        try:
            async with database.reading() as connection:
                differences = await connection.run_sync(_differences)
                checks = await connection.run_sync(_checks)
        finally:
            await database.close()

    assert differences == []
    wanted = {
        name: {
            str(constraint.name)
            for constraint in table.constraints
            if type(constraint).__name__ == "CheckConstraint"
        }
        for name, table in metadata.tables.items()
    }
    assert checks == wanted
