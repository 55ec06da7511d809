"""An identity provider's key set on a real loopback server, whose answers a test changes while it runs."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A private key with a name, and the algorithm that it signs with."""

    key_id: str
    algorithm: str
    private: PrivateKey

    def public(self) -> dict[str, Any]:
        """Its public half as a member of a key set."""
        match self.private:
            case rsa.RSAPrivateKey():
                document = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
            case ec.EllipticCurvePrivateKey():
                document = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
            case _:
                document = OKPAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**document, "kid": self.key_id, "use": "sig"}

    def sign(self, claims: Mapping[str, Any], **header: Any) -> str:
        """A token with `claims`."""
        headers = {"kid": self.key_id, **header}
        return jwt.encode(dict(claims), self.private, algorithm=self.algorithm, headers=headers)


def signing_key(key_id: str, algorithm: str) -> SigningKey:
    """A new key for RS256, ES256 or EdDSA."""
    private: PrivateKey
    match algorithm:
        case "RS256":
            private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        case "ES256":
            private = ec.generate_private_key(ec.SECP256R1())
        case _:
            private = ed25519.Ed25519PrivateKey.generate()
    return SigningKey(key_id=key_id, algorithm=algorithm, private=private)


@dataclass
class KeyServer:
    """Where the keys are, what is answered, and how often it was asked."""

    url: str = ""
    status: int = 200
    body: bytes = b"{}"
    silent: bool = False
    requests: int = 0
    release: asyncio.Event = field(default_factory=asyncio.Event)

    def serve(self, keys: Sequence[Mapping[str, Any]]) -> None:
        """Answer with `keys` from now on."""
        self.status, self.body = 200, json.dumps({"keys": list(keys)}).encode()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        self.requests += 1
        try:
            await reader.readuntil(b"\r\n\r\n")
            if self.silent:
                await self.release.wait()
            head = (
                f"HTTP/1.1 {self.status} X\r\ncontent-length: {len(self.body)}\r\nconnection: close\r\n\r\n"
            )
            writer.write(head.encode() + self.body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client gave up, which some tests want
        finally:
            writer.close()


@asynccontextmanager
async def key_server() -> AsyncIterator[KeyServer]:
    """A server on a free loopback port."""
    keys = KeyServer()
    server = await asyncio.start_server(keys.answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    keys.url = f"http://127.0.0.1:{port}/keys"
    try:
        yield keys
    finally:
        keys.release.set()
        server.close()
        await server.wait_closed()
