"""Structured logs on standard error: one event per line, its fields beside it.

Info tells what moved and why; error tells whose fault it is (`fault`: ours, target or operator). Names of fields:
`proxy_id`, `instance_id`, `node_id`, `event_id`, `epoch`, `request_id`, `fault`, `error`, `detail`.
"""

import contextlib
import logging
import sys
from collections.abc import MutableMapping
from enum import StrEnum
from typing import Any, TextIO

import structlog

_SECRET_FIELDS = ("secret", "token", "password", "authorization")
# Local variables, which the library shows by default, may hold what no log should.
_TRACEBACK_AS_JSON = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


class LogFormat(StrEnum):
    """How a log line is written."""

    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """The least severe lines that are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def configure_logging(level: LogLevel, log_format: LogFormat, stream: TextIO | None = None) -> None:
    """Send every log line, ours and the libraries', to `stream` (standard error by default)."""
    target = stream or sys.stderr
    threshold = logging.getLevelNamesMapping()[level.value.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    if log_format is LogFormat.JSON:
        endings: list[structlog.typing.Processor] = [
            structlog.processors.ExceptionRenderer(_TRACEBACK_AS_JSON),
            structlog.processors.JSONRenderer(),
        ]
    else:
        endings = [
            structlog.dev.ConsoleRenderer(
                colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    structlog.configure(
        processors=[*shared, *endings],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: _Lines(target),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *endings],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Libraries at info tell of every request; what they find worth a warning is worth reading.
    root.setLevel(max(threshold, logging.WARNING))


class _Lines(structlog.PrintLogger):
    """Writes lines. One that nobody takes, on a full disk or in a closed pipe, is lost; whoever wrote it goes on."""

    def msg(self, message: str) -> None:
        with contextlib.suppress(OSError):
            super().msg(message)

    debug = info = warning = error = critical = exception = msg


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank every field whose name says that it holds a secret, should one ever get here."""
    for name in event:
        if any(word in name.lower() for word in _SECRET_FIELDS):
            event[name] = "…"
    return event
