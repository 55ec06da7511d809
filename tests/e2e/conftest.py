"""Machines on which real processes run."""

from collections.abc import AsyncIterator

import pytest
from tests.machine import Machine, machine


@pytest.fixture
async def web() -> AsyncIterator[Machine]:
    """A machine of the test's own with the ports of three instances; nothing runs on it yet."""
    async with machine() as made:
        yield made
