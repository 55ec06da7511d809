"""The history of the schema: Alembic versions, one tree for every engine.

What belongs here: `versions/`, one file per step, and `run.py`, which takes a database to the newest
one. What must not: importing the tables of `sql/schema.py` into a version, because a step says what
the schema became *then*, and reading a setting.

A version that changes a table does so in `op.batch_alter_table`, so that SQLite can copy the table.
There `run.upgrade` does it all in one transaction, with foreign keys off and checked before the commit;
on PostgreSQL each version is a transaction of its own. ADR 0010 says how old and new replicas share
one database meanwhile.
"""
