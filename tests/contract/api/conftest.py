"""A running API for each test."""

from collections.abc import AsyncIterator

import pytest
from tests.api_world import ApiWorld, api_world


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    """The API over a control plane on fakes."""
    async with api_world() as running:
        yield running
