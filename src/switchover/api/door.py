"""What a request passes before its operation: token, rate limit, permission, in this order."""

from starlette.requests import Request

from switchover.api.auth.permissions import Permission
from switchover.api.auth.principal import Principal
from switchover.api.auth.refusal import NotPermitted, TokenRefused
from switchover.api.auth.tokens import TokenVerifier
from switchover.api.limits import RateLimiter


class Door:
    """Lets callers in, or raises what keeps them out."""

    def __init__(self, verifier: TokenVerifier, limiter: RateLimiter | None) -> None:
        self._verifier = verifier
        self._limiter = limiter

    async def admit(self, request: Request, permission: Permission) -> Principal:
        """The caller of `request`, who may do what `permission` says; the request's state names them for the log.

        Raises:
            TokenRefused: There is no valid token.
            KeysUnavailable: Nobody can tell whether it is valid.
            TooManyRequests: The caller asks too fast.
            NotPermitted: None of their roles grants it.
        """
        principal = await self._verifier.verify(_token(request))
        # Also of who is turned away from here on.
        request.state.user = principal.user_id
        if self._limiter is not None:
            self._limiter.take(principal.user_id)
        if not principal.may(permission):
            raise NotPermitted(permission)
        return principal


def _token(request: Request) -> str:
    # RFC 6750 section 2.1; a token in the query or in a form would end up in logs.
    given = request.headers.getlist("authorization")
    if not given:
        raise TokenRefused("missing", missing=True)
    scheme, _, token = given[0].partition(" ")
    if len(given) > 1 or scheme.lower() != "bearer" or not token.strip():
        raise TokenRefused("malformed", missing=scheme.lower() != "bearer")
    return token.strip()
