"""What is called to bring instances back: `config.recoveryAction`, and the secret that signs it."""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field

from switchover.control.documents.document import Document, read
from switchover.control.documents.fields import Choice, Matching, Parsed, Refused
from switchover.model.address import Address, parse_address, refusal
from switchover.model.errors import InvalidInput
from switchover.model.recovery import RecoveryActionType

SECRET_PREFIX = "whsec_"  # noqa: S105 - how every secret begins
FEWEST_SECRET_BYTES, MOST_SECRET_BYTES = 24, 64
"""Of a secret, as Standard Webhooks wants them."""

_MOST_URL_CHARACTERS = 2048
_URL_SHAPE = (
    "allowed is an http or https URL without user, password or fragment, such as https://ops.example/recover, "
    f"at most {_MOST_URL_CHARACTERS} characters, none of them beyond ASCII"
)
_PORTS = {"http": 80, "https": 443}


def webhook_url(value: Any) -> str:
    """The URL of a webhook, as it was given.

    Raises:
        Refused: It has another shape, or its host is one that is never contacted.
    """
    if (
        not isinstance(value, str)
        or len(value) > _MOST_URL_CHARACTERS
        or not all("!" <= character <= "~" for character in value)
    ):
        raise Refused(_URL_SHAPE)
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Refused(_URL_SHAPE) from error
    if parts.scheme not in _PORTS or not host or "@" in parts.netloc or "#" in value or "\\" in value:
        raise Refused(_URL_SHAPE)
    reason = refusal(host)
    if reason is not None:
        raise Refused(f"{reason}; allowed is any other host")
    try:
        parse_address(str(Address(host=host, port=_PORTS[parts.scheme] if port is None else port)))
    except InvalidInput as error:
        raise Refused(_URL_SHAPE) from error
    return value


def webhook_secret(value: Any) -> str:
    """A secret as Standard Webhooks writes it.

    Raises:
        Refused: It has another shape. What was given is not repeated.
    """
    words = f"allowed is {SECRET_PREFIX} and {FEWEST_SECRET_BYTES} to {MOST_SECRET_BYTES} bytes in base64"
    if not isinstance(value, str) or not value.startswith(SECRET_PREFIX):
        raise Refused(words)
    try:
        raw = base64.b64decode(value.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(words) from error
    if not FEWEST_SECRET_BYTES <= len(raw) <= MOST_SECRET_BYTES:
        raise Refused(words)
    return value


WebhookUrl = Annotated[str, Parsed(webhook_url, {"type": "string", "format": "webhook-url"})]
CommandName = Annotated[
    str,
    Matching("[A-Za-z0-9][A-Za-z0-9._-]{0,62}", "allowed is the name of a command in our configuration", 63),
]


class RecoveryActionDocument(Document):
    """What is called to bring a failed instance back."""

    type: Annotated[RecoveryActionType, Choice()] | None = Field(
        default=None, description="Who is called.", json_schema_extra={"default": "none"}
    )
    url: WebhookUrl | None = Field(
        default=None,
        description="For webhook: where the signed request goes.",
        json_schema_extra={"default": None},
    )
    command: CommandName | None = Field(
        default=None,
        description="For command: its name in the process's configuration; only an admin may name one.",
        json_schema_extra={"default": None},
    )


class RecoverySecretDocument(Document):
    """The secret that signs requests to the webhook from now on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    secret: Annotated[str, Parsed(webhook_secret, {"type": "string", "format": "webhook-secret"})] | None = (
        Field(
            default=None,
            description="`whsec_` and 24 to 64 bytes in base64; without one we make it. It is answered once and "
            "never shown again.",
        )
    )


def parse_secret(data: Mapping[str, Any] | None) -> str | None:
    """The secret in `data`; None when we are to make one.

    Raises:
        InvalidInput: It has another shape; what was given is not repeated.
    """
    return read(RecoverySecretDocument, data or {}).secret
