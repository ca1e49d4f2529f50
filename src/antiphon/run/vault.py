"""`reasoning.encrypted_content`: authenticated encryption with rotating keys of the server.

A token is `agr1.` + base64url(key id, nonce, AES-256-GCM ciphertext), bound to its tenant. Tokens of
retired keys open as long as the key is retained; foreign tokens open to None and are only carried.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from antiphon.config import ReasoningSettings
from antiphon.ports import Clock, KeyStore, Tenant

PREFIX = "agr1."
PURPOSE = "reasoning"
_ID_BYTES = 4
_NONCE_BYTES = 12


class Vault:
    """Seals and opens text. Call `load` before use and now and then (`rotate` does both)."""

    def __init__(self, keys: KeyStore, settings: ReasoningSettings, clock: Clock) -> None:
        self._store, self._settings, self._clock = keys, settings, clock
        self._ciphers: dict[bytes, AESGCM] = {}
        self._newest = b""
        self._newest_at = 0.0

    async def rotate(self) -> None:
        """Load the keys; make a new one where none is young enough; drop those past retention."""
        now = self._clock.now()
        await self._store.drop_keys(PURPOSE, now - self._settings.key_retention_s)
        keys = await self._store.keys(PURPOSE)
        if not keys or now - keys[0][1] > self._settings.key_rotation_s:
            key_id = secrets.token_bytes(_ID_BYTES)
            await self._store.add_key(PURPOSE, key_id.hex(), now, AESGCM.generate_key(256))
            keys = await self._store.keys(PURPOSE)
        self._ciphers = {bytes.fromhex(key_id): AESGCM(key) for key_id, _, key in keys}
        self._newest, self._newest_at = bytes.fromhex(keys[0][0]), keys[0][1]

    @property
    def stale(self) -> bool:
        """Whether the newest key is due for rotation."""
        return self._clock.now() - self._newest_at > self._settings.key_rotation_s

    def sealer(self, tenant: Tenant) -> Callable[[str], str]:
        """A function that seals text for this tenant."""

        def seal(text: str) -> str:
            nonce = secrets.token_bytes(_NONCE_BYTES)
            sealed = self._ciphers[self._newest].encrypt(nonce, text.encode(), tenant.encode())
            return PREFIX + base64.urlsafe_b64encode(self._newest + nonce + sealed).decode()

        return seal

    def open(self, tenant: Tenant, token: str) -> str | None:
        """The sealed text; None for tokens that are foreign, damaged, of another tenant or too old."""
        if not token.startswith(PREFIX):
            return None
        try:
            raw = base64.urlsafe_b64decode(token[len(PREFIX) :])
        except (binascii.Error, ValueError):
            return None
        cipher = self._ciphers.get(raw[:_ID_BYTES])
        if cipher is None:
            return None
        nonce, sealed = raw[_ID_BYTES : _ID_BYTES + _NONCE_BYTES], raw[_ID_BYTES + _NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, sealed, tenant.encode()).decode()
        except (InvalidTag, ValueError):  # a cut token may not even hold a whole nonce
            return None
