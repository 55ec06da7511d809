"""Fakes to test with, held to the same contract suites as the real thing.

What belongs here: in-memory stand-ins for the Protocols, clocks that a test moves by hand. What
must not: assertions, test cases, anything that production code imports.
"""
