"""3. What should be done? A `View` becomes a `Decision`; a `Decision` becomes a `Plan`.

What belongs here: strategies, guards, redundancy, failover and failback rules, reason codes and
their sentences, the plan for the nodes; all pure. What must not: probing, storing, clocks, I/O. A
rule never runs a query: everything it needs is in the view.
"""
