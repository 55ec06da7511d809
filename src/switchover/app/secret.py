"""Secrets that are made here for others."""

import base64
import secrets

_BYTES = 32


def recovery_secret() -> str:
    """A new secret that signs the requests to a recovery webhook, as Standard Webhooks writes it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_BYTES)).decode("ascii")
