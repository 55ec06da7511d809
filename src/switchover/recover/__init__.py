"""Bring back: a failed instance is called for, by whoever can do something about it.

What belongs here: the `Recoverer` Protocol, one file per kind of call. What must not: deciding when to call and how
often (decision), counting attempts (control), believing that it helped (probe).
"""
