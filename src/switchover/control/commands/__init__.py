"""What people change: configurations, instances, the active instance, a declared redundancy.

What belongs here: one class per noun; each method is validate → store with its audit entry → run the pass that the
change causes. What must not: rules, HTTP, reading alone (see `queries.py`).
"""
