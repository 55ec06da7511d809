"""The nouns: frozen values and the Protocols of time, chance and ids.

What belongs here: what a proxy, an instance, a policy, an observation, an event *is*, and the
arithmetic that needs nothing but the value itself. What must not: deciding, waiting, reading a
clock, logging, any I/O.
"""
