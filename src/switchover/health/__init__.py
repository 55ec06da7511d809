"""2. What do we believe? Observations and reports become an `InstanceHealth`.

What belongs here: the total transition table and the rise/fall machine, both pure and about one
instance. What must not: asking instances, deciding about proxies (damping looks at a proxy's moves
and is decision's), clocks, I/O.
"""
