"""A recoverer that a test watches and steers."""

import asyncio
from collections import deque

from switchover.model.recovery import RecoveryAnswer, RecoveryCall
from switchover.recover.recoverer import Recoverer

ACCEPTS = RecoveryAnswer(accepted=True, detail="status 202")
REFUSES = RecoveryAnswer(accepted=False, detail="status 503")


class FakeRecoverer(Recoverer):
    """Answers as scripted and notes every call.

    Attributes:
        calls: Every call, in the order in which they came.
        timeout_seconds: After which a call that is held is given up, on the loop's clock; None for never.
    """

    def __init__(self) -> None:
        self.calls: list[RecoveryCall] = []
        self.timeout_seconds: float | None = None
        self._script: deque[RecoveryAnswer] = deque([ACCEPTS])
        self._free = asyncio.Event()
        self._free.set()

    def script(self, *answers: RecoveryAnswer) -> None:
        """Let the next calls be answered so, one each; the last is repeated for ever."""
        self._script = deque(answers)

    def hold(self) -> None:
        """Let no call be answered, until `release`."""
        self._free.clear()

    def release(self) -> None:
        """Let calls be answered again."""
        self._free.set()

    async def recover(self, call: RecoveryCall) -> RecoveryAnswer:
        self.calls.append(call)
        try:
            async with asyncio.timeout(self.timeout_seconds):
                await self._free.wait()
        except TimeoutError:
            return RecoveryAnswer(accepted=False, detail=f"no answer within {self.timeout_seconds:g} s")
        return self._script.popleft() if len(self._script) > 1 else self._script[0]
