"""What holds for every test: none depends on the machine's speed, those that draw their examples included."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from tests import postgresql_server as postgresql

settings.register_profile("any speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any speed")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in the background so, and every process that a test starts would be as deaf.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.PostgresqlServer]:
    """One real PostgreSQL for all tests of this process that ask for it."""
    with postgresql.postgresql_server() as server:
        yield server
