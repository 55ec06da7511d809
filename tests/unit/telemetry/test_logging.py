"""What a log line shows, and what becomes of one that cannot be written."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from switchover.telemetry.logging import LogFormat, LogLevel, configure_logging


@pytest.fixture(autouse=True)
def _former_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


class FullDisk(io.StringIO):
    """Takes nothing."""

    def write(self, text: str) -> int:
        raise OSError(28, f"No space left on device for {len(text)} characters")


def fail_with_a_secret_at_hand() -> None:
    secret = "hunter" * 6
    assert secret
    raise ValueError("broken")


def logged(log_format: LogFormat) -> str:
    stream = io.StringIO()
    configure_logging(LogLevel.INFO, log_format, stream)
    try:
        fail_with_a_secret_at_hand()
    except ValueError:
        structlog.get_logger().exception("it failed", proxy_id="web")
        logging.getLogger("library").exception("it failed there too")
    return stream.getvalue()


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_a_traceback_shows_where_it_failed_and_no_local_variable(log_format: LogFormat) -> None:
    lines = logged(log_format)
    assert lines.count("fail_with_a_secret_at_hand") >= 2
    assert "hunterhunter" not in lines


def test_a_line_of_json_is_one_object() -> None:
    first, second = (json.loads(line) for line in logged(LogFormat.JSON).splitlines())
    assert (first["event"], first["level"], first["proxy_id"]) == ("it failed", "error", "web")
    assert second["event"] == "it failed there too"


def test_a_field_whose_name_says_secret_is_blanked() -> None:
    stream = io.StringIO()
    configure_logging(LogLevel.INFO, LogFormat.JSON, stream)
    structlog.get_logger().info("seen", jwt_secret="hunter2", Authorization="Bearer x")
    line = json.loads(stream.getvalue())
    assert (line["jwt_secret"], line["Authorization"]) == ("…", "…")


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_a_line_that_nobody_takes_stops_nothing(log_format: LogFormat) -> None:
    configure_logging(LogLevel.INFO, log_format, FullDisk())
    structlog.get_logger().error("lost", proxy_id="web")
    logging.getLogger("library").error("lost too")
