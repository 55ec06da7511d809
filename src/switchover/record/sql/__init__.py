"""The store on SQL: SQLAlchemy Core, async, one tree for SQLite and PostgreSQL.

What belongs here: the tables (`schema.py`), one file per group of intents, rows to values and back.
What only one engine can do stands in the file named after it, `sqlite.py`. What must not: deciding
what to write, and SQL that another engine does not understand anywhere else.

`store.py` has what the rest of the program uses: `SqlStore` and `open_store`.
"""
