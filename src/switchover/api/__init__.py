"""REST: routes, schemas, authentication, errors.

What belongs here: HTTP and JSON. What must not: rules, SQL, anything a library user would miss.
"""
