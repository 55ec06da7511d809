"""6. Tell: messages of the outbox are handed to whoever must know.

What belongs here: the Protocol of the outbox it needs, the relay, one file per kind of sink. What
must not: deciding what to tell; that was stored with the fact.
"""
