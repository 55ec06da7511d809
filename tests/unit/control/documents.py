"""What the tests of documents ask of a configuration."""

from typing import Any

import pytest

from switchover.control.documents import parse_policy
from switchover.model.errors import InvalidInput
from switchover.model.policy import (
    FailoverPolicy,
)


def problems(config: Any, stored: FailoverPolicy | None = None) -> dict[str, str]:
    """Field → what is allowed, of a configuration that must be refused."""
    with pytest.raises(InvalidInput) as caught:
        parse_policy(config, stored)
    return {problem.field: problem.allowed for problem in caught.value.problems}
