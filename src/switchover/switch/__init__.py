"""4. Make the data plane so: a `Plan` goes to every node, a `Receipt` comes back.

What belongs here: the `Driver` Protocol, the rollout of one plan to many nodes, one package per
kind of data plane. What must not: deciding, probing, touching the store.
"""
