"""What Alembic executes: the steps on the connection that `run.py` hands over, or as text without one."""

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import ScriptDirectory
from sqlalchemy import insert, inspect

from switchover.record.sql.schema import metadata, schema_revisions


def _note(ctx: MigrationContext, step: MigrationInfo, heads: object, run_args: object) -> None:  # noqa: ARG001 - Alembic names them
    """Write down, in the transaction of a step, that it was applied: older replicas read it."""
    # The revisions before the one that makes the table are written down by that one.
    if ctx.connection is None or not inspect(ctx.connection).has_table(schema_revisions.name):
        return
    scripts = ScriptDirectory.from_config(context.config)
    for applied in scripts.get_revisions(step.up_revision_ids):
        ctx.connection.execute(
            insert(schema_revisions).values(revision=applied.revision, phase=applied.module.phase)
        )


connection = context.config.attributes.get("connection")
if connection is None:
    context.configure(
        dialect_name=context.config.get_main_option("dialect"),
        target_metadata=metadata,
        literal_binds=True,
    )
else:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        # SQLite has one around everything already, and stays with that.
        transaction_per_migration=True,
        on_version_apply=_note,
    )
with context.begin_transaction():
    context.run_migrations()
