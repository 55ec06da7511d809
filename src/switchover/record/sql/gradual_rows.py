"""Moves in steps as documents, and back: what a policy says of them, and how far one has come."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from switchover.model.gradual import GradualMove, GradualPolicy


def gradual_document(policy: GradualPolicy | None) -> dict[str, Any] | None:
    """A policy's steps as JSON; None without."""
    return None if policy is None else asdict(policy) | {"steps": list(policy.steps)}


def gradual_of(document: Mapping[str, Any] | None) -> GradualPolicy | None:
    """The steps in `gradual_document`'s JSON."""
    return None if document is None else GradualPolicy(**{**document, "steps": tuple(document["steps"])})


def gradual_move_document(move: GradualMove | None) -> dict[str, Any] | None:
    """How far a move has come as JSON; None for one that is made at once."""
    if move is None:
        return None
    return {
        "source_instance_id": str(move.source_instance_id),
        "target_instance_id": str(move.target_instance_id),
        "steps": list(move.steps),
        "step": move.step,
        "since": move.since.isoformat(),
        "requests": move.requests,
        "failures": move.failures,
    }


def gradual_move_of(document: Mapping[str, Any] | None) -> GradualMove | None:
    """The move in `gradual_move_document`'s JSON."""
    if document is None:
        return None
    return GradualMove(
        source_instance_id=UUID(document["source_instance_id"]),
        target_instance_id=UUID(document["target_instance_id"]),
        steps=tuple(document["steps"]),
        step=document["step"],
        since=datetime.fromisoformat(document["since"]),
        requests=document["requests"],
        failures=document["failures"],
    )
