"""A running API for each test."""

from collections.abc import AsyncIterator

import pytest
from tests.api_world import ApiWorld, api_world
from tests.replicated_api import ReplicatedApi, replicated_api


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    """The API over a control plane on fakes."""
    async with api_world() as running:
        yield running


@pytest.fixture
async def api() -> AsyncIterator[ReplicatedApi]:
    """The API of several replicas on fakes."""
    async with replicated_api() as running:
        yield running
