from collections.abc import AsyncIterator

import pytest
from tests.hook_server import Hook, hook_server


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with hook_server() as served:
        yield served
