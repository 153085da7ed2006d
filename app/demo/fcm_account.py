"""A service account of our own making, so that the real SDK signs and asks for real tokens."""

import json
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

PROJECT = "paigong-demo"


def write_account(path: Path, server_url: str) -> None:
    """Write service-account JSON whose token endpoint is the fake server at `server_url`.

    The RSA key is new each time and opens nothing but that server.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    path.write_text(
        json.dumps(
            {
                "type": "service_account",
                "project_id": PROJECT,
                "private_key_id": "demo",
                "private_key": pem,
                "client_email": f"push@{PROJECT}.iam.invalid",
                "client_id": "0",
                "token_uri": f"{server_url}/token",
            }
        ),
        encoding="utf-8",
    )
    path.chmod(0o600)
