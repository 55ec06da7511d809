"""Metrics, tracing, logging: every name in one table.

What belongs here: names and set-up of what we tell about ourselves. What must not: deciding what
is worth telling; that is where it happens.
"""
