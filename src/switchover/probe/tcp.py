"""TCP: the instance accepts a connection."""

from switchover.probe.attempt import Attempt
from switchover.probe.connection import connect
from switchover.probe.finding import Finding


async def probe_tcp(attempt: Attempt) -> Finding:
    """Connect, send nothing, close.

    Raises:
        OSError: As the operating system says it.
    """
    (await connect(attempt)).close()
    return Finding.passed(f"port {attempt.port} accepts connections")
