"""How a store closes events by itself, so that each implementation does the same."""

PROXY_DELETED = "the proxy was deleted"
"""The error message of an event that was open when its proxy was deleted."""

INSTANCE_DELETED = "the instance was deleted"
"""The error message of a recovery that was open when its instance was deleted."""
