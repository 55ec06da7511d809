"""Names that a test decides."""

import asyncio

from switchover.model.address import is_ip, refusal
from switchover.probe.errors import AddressRefused, NameNotFound
from switchover.probe.prober import Resolver


class FakeResolver(Resolver):
    """Answers from a table, without I/O; what is not in it does not exist.

    A test changes `answers` as it likes (an address, or the error to raise), lets lookups hang with `hang`, and reads
    `asked`: every host that was asked for, in order.
    """

    def __init__(self, answers: dict[str, str | Exception] | None = None) -> None:
        self.answers: dict[str, str | Exception] = dict(answers or {})
        self.asked: list[str] = []
        self._may_answer = asyncio.Event()
        self._may_answer.set()

    async def resolve(self, host: str) -> str:
        self.asked.append(host)
        await self._may_answer.wait()
        _refuse(host)
        answer = self.answers.get(host, host if is_ip(host) else NameNotFound(f"{host} does not exist"))
        if isinstance(answer, Exception):
            raise answer
        _refuse(answer)
        return answer

    def hang(self) -> None:
        """Answer nobody, until `recover`."""
        self._may_answer.clear()

    def recover(self) -> None:
        """Answer again, also those who have been waiting."""
        self._may_answer.set()


def _refuse(host: str) -> None:
    reason = refusal(host)
    if reason is not None:
        raise AddressRefused(f"{host} is never contacted: {reason}")
