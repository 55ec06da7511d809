"""One file per step of the schema, named `vNNNN_what.py`. A published one is never edited.

Each says by `phase` whether replicas of the version before may run on beside it (`phases.py`).
There are no downgrades: a step back loses what the new columns hold. Restore a backup instead.
"""
