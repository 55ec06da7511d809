"""The documentation that the API carries: the page at /docs, and the tables that the written docs include."""

from collections.abc import Sequence
from importlib.resources import files

from starlette.responses import HTMLResponse, Response

from switchover.api.auth.roles import GRANTS, Role
from switchover.api.errors import MEANINGS
from switchover.api.operations import OPERATIONS

# The page is one file: its own script and style, and data from this server.
_PAGE_POLICY = "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def reference_page() -> Response:
    """The page that shows `/openapi.json`; it loads nothing from elsewhere."""
    page = files("switchover.api").joinpath("reference.html").read_text(encoding="utf-8")
    return HTMLResponse(page, headers={"Content-Security-Policy": _PAGE_POLICY})


def permissions_table() -> str:
    """Markdown: every operation, the permission that it needs, and the roles that have it."""
    rows = [
        [
            f"`{operation.method.value} {operation.path}`",
            f"`{operation.permission.value}`",
            *(_reach(role) if operation.permission in GRANTS[role].permissions else "no" for role in Role),
        ]
        for operation in OPERATIONS.values()
    ]
    return _table(["operation", "permission", *(role.value for role in Role)], rows)


def error_table() -> str:
    """Markdown: every error code and what it means."""
    return _table(["code", "meaning"], [[f"`{code.value}`", meaning] for code, meaning in MEANINGS.items()])


def _reach(role: Role) -> str:
    return "every proxy" if GRANTS[role].every_proxy else "own proxies"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
