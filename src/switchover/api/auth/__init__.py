"""Who calls, and what they may do: tokens, roles, permissions.

What belongs here: verifying a bearer token and the two tables role → permissions → routes. What must not: ownership of
proxies (the service knows), passwords, sessions, a user database.
"""
