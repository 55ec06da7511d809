from collections.abc import Iterator

import pytest
from tests.command_line import Ran, Runs
from tests.contract_record import TOKEN
from tests.contract_server import ContractServer, contract_server

from switchover.cli.main import run


@pytest.fixture
def contract() -> Iterator[ContractServer]:
    with contract_server() as server:
        yield server


@pytest.fixture
def switchover(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Runs a command in this process: its exit code, standard output and standard error."""
    for name in ("SWITCHOVER_URL", "SWITCHOVER_TOKEN", "SWITCHOVER_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)

    def ran(*arguments: str) -> Ran:
        code = run(arguments)
        told = capsys.readouterr()
        return code, told.out, told.err

    return ran


@pytest.fixture
def client(switchover: Runs, contract: ContractServer) -> Runs:
    """Runs a command as a client of the contract server."""

    def ran(*arguments: str) -> Ran:
        return switchover(*arguments, "--url", contract.url, "--token", TOKEN)

    return ran
