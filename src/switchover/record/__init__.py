"""5. Remember: every fact in one transaction with the message that tells it.

What belongs here: the `Store` Protocol, its SQL implementation and the migrations. What must not:
deciding what to write. Every method names an intent; none takes a query.
"""
