import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite-scenarios",
        action="store_true",
        default=False,
        help="record the traces of tests/scenarios/*.txt anew; read the difference before you commit it",
    )
