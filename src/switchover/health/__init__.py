"""2. What do we believe? Observations and reports become an `InstanceHealth`.

What belongs here: the total transition table, the rise/fall machine and the flap score, all pure and about one
instance. What must not: asking instances, deciding about proxies (whether a flapping one may become active depends on what
else there is, and is decision's), clocks, I/O.
"""
