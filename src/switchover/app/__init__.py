"""Wires everything: settings, clocks, stores, drivers, servers, one TaskGroup.

What belongs here: reading settings (the only place that does), building concrete parts, starting
and stopping them in order. What must not: rules, routes, SQL.
"""
