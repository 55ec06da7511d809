"""The bodies of requests and answers, camelCase.

What belongs here: shapes, their descriptions and examples, and how a value of the model becomes a body. What must not:
bounds of what users send (`control.documents` has them), deciding.
"""
