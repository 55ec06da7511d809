"""The operations, by what they are about: each asks the service and shapes the answer.

What belongs here: parameters and bodies of an operation. What must not: rules, error handling (`api.route` has it).
"""
