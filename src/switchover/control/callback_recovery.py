"""Recovery by the library's callback."""

import asyncio

from switchover.model.recovery import RecoveryAnswer, RecoveryCall
from switchover.model.trail import Topic
from switchover.notify.callbacks import Callbacks
from switchover.notify.relay import SINK_TIMEOUT_SECONDS
from switchover.recover.recoverer import Recoverer, shortened


class CallbackRecoverer(Recoverer):
    """Calls what `set_recovery_callback` has set with the call as a payload; that it returns is accepted."""

    def __init__(self, callbacks: Callbacks, *, timeout_seconds: float = SINK_TIMEOUT_SECONDS) -> None:
        self._callbacks = callbacks
        self._timeout_seconds = timeout_seconds

    async def recover(self, call: RecoveryCall) -> RecoveryAnswer:
        """See `Recoverer.recover`."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                called = await self._callbacks.call(Topic.INSTANCE_UNHEALTHY, call.as_json())
        except TimeoutError:
            return RecoveryAnswer(accepted=False, detail=f"no answer within {self._timeout_seconds:g} s")
        except Exception as error:  # noqa: BLE001 - a callback may raise anything; it is the answer
            return RecoveryAnswer(accepted=False, detail=shortened(f"{type(error).__name__}: {error}"))
        return RecoveryAnswer(accepted=called, detail="it returned" if called else "no callback is set")
