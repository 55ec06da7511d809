"""Heartbeat: nobody is asked. The due probe itself says that no report came within the deadline."""

from switchover.probe.finding import Code, Finding


def missed_heartbeat() -> Finding:
    """The failure that a due heartbeat is."""
    return Finding.failed(Code.HEARTBEAT_MISSED, "no report within the deadline")
