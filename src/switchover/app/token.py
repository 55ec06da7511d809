"""Tokens for people at this machine."""

from collections.abc import Sequence

from switchover.api.auth.roles import Role
from switchover.api.auth.tokens import TokenRules, issue_token
from switchover.app.clock import SystemClock
from switchover.app.datadir import DataDir
from switchover.app.settings import Settings
from switchover.model.errors import FieldProblem, InvalidInput


def token_rules(settings: Settings) -> TokenRules:
    """What tokens must say by these settings."""
    return TokenRules(
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        roles_claim=settings.jwt_roles_claim,
        leeway_seconds=settings.jwt_leeway_seconds,
    )


def token_secret(data_dir: DataDir, settings: Settings) -> bytes:
    """The shared secret: the one that was given, else the data directory's."""
    if settings.jwt_secret is not None:
        return settings.jwt_secret.get_secret_value().encode()
    return data_dir.secret()


def create_token(
    data_dir: DataDir, settings: Settings, user: str, roles: Sequence[str], ttl_seconds: int
) -> str:
    """A token for `user` with `roles` that is valid for `ttl_seconds`.

    Raises:
        InvalidInput: A role is unknown, the user id is not valid, or tokens are issued by somebody else (JWKS).
    """
    if settings.jwt_jwks_url is not None:
        raise InvalidInput(
            FieldProblem(
                "jwt_jwks_url",
                settings.jwt_jwks_url,
                "tokens come from that identity provider, not from here",
            )
        )
    unknown = [role for role in roles if role not in set(Role)]
    if unknown:
        raise InvalidInput(FieldProblem("--role", unknown[0], f"allowed are {', '.join(Role)}"))
    try:
        return issue_token(
            token_secret(data_dir, settings),
            user,
            [Role(role) for role in roles],
            now=SystemClock().now(),
            ttl_seconds=ttl_seconds,
            rules=token_rules(settings),
        )
    except ValueError as error:
        raise InvalidInput(FieldProblem("--user", user, str(error))) from error
