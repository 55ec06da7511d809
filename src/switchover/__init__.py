"""Keeps a service reachable when the thing that serves it dies."""
