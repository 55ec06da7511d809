"""The group `gradual` of the configuration: moves in steps."""

from typing import Annotated

from pydantic import Field

from switchover.control.documents.document import Document
from switchover.control.documents.fields import A_DAY_SECONDS, Between
from switchover.control.documents.steadiness import setting
from switchover.model.gradual import MOST_STEPS, WHOLE

_Percent = Annotated[int, Between(1, WHOLE, "percent")]


class GradualDocument(Document):
    """How failbacks and ordered switchovers give the traffic to their target in steps."""

    steps: Annotated[list[_Percent], Field(min_length=1, max_length=MOST_STEPS)] | None = setting(
        f"The target's share after each step, in percent: 1 to {MOST_STEPS} of them, rising, the last one {WHOLE}.",
        default=[5, 25, 100],
    )
    dwell_seconds: Annotated[float, Between(0.5, A_DAY_SECONDS, "seconds")] | None = setting(
        "How long each step but the last lasts at least.", default=30
    )
    max_error_rate: Annotated[float, Between(0, 1)] | None = setting(
        "Of the target's requests since a step began, more errors than this share roll the move back.",
        default=0.05,
    )
    min_requests: Annotated[int, Between(1, 1_000_000)] | None = setting(
        "With fewer requests since then their errors say nothing.", default=20
    )
