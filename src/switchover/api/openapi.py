"""The OpenAPI document: what FastAPI derives from the routes, and what it cannot know."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from switchover.api.examples import SUCCESSES
from switchover.api.operations import OPERATIONS

DESCRIPTION = """\
Keeps a service reachable when the thing that serves it dies.

Every success is `{data, message?, count?}`, every failure `{error: {code, message, statusCode, details?}}` with a stable
code. What belongs to another user is answered as if it did not exist. Times are RFC 3339 in UTC.
"""

TAGS = [
    {"name": "proxies", "description": "Proxies and their configurations."},
    {"name": "instances", "description": "What can carry a proxy's traffic."},
    {"name": "automation", "description": "What bounds automation: pauses, safety rules, gates."},
    {"name": "recovery", "description": "Bringing failed instances back."},
    {"name": "failover", "description": "Moves, their events, and redundancy."},
]


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """The document of `app`, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            tags=app.openapi_tags,
            routes=app.routes,
        )
        components = document.setdefault("components", {})
        components["securitySchemes"] = {
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "A JSON Web Token with `sub` and roles; `switchover token create` prints one.",
            }
        }
        _drop_what_we_never_answer(document)
        _show_successes(document)
        _drop_titles(components.get("schemas", {}))
        app.openapi_schema = document
    return app.openapi_schema


def _drop_what_we_never_answer(document: dict[str, Any]) -> None:
    # FastAPI promises its own 422 for every operation; ours is the 400 with the project's envelope.
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"].get("schemas", {}).pop(name, None)


def _show_successes(document: dict[str, Any]) -> None:
    # Here and not in the routes: FastAPI leaves out what is null, and our answers do not.
    for path in document["paths"].values():
        for described in path.values():
            operation = OPERATIONS[described["operationId"]]
            success = described["responses"][str(operation.success.value)]
            success["content"]["application/json"]["example"] = SUCCESSES[operation.name]


def _drop_titles(schemas: dict[str, Any]) -> None:
    # Pydantic titles every property with its own name in another case, which tells nobody anything.
    for schema in schemas.values():
        for described in schema.get("properties", {}).values():
            described.pop("title", None)
