"""1. Ask an instance: due probes in, batches of observations out.

What belongs here: the `Prober` Protocol and one file per kind of probe. What must not: counting
failures, believing, deciding, storing. A prober that cannot tell says INCONCLUSIVE.
"""
