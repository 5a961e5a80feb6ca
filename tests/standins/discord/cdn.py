"""Signed links to files, which expire."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.standins.discord.world import Attachment

APP_FOLDER = "100000000000000001"


class Links:
    """Makes and checks the links of one CDN; url: where it is."""

    def __init__(self) -> None:
        self.url = ""
        self._secret = secrets.token_bytes(16)

    def expire(self) -> None:
        """Let every link made so far be too old."""
        self._secret = secrets.token_bytes(16)

    def sign(self, file: Attachment, seconds: float) -> str:
        """Return a link that works so long."""
        if file.ephemeral:
            path = f"/ephemeral-attachments/{APP_FOLDER}/{file.id}/{quote(file.filename)}"
        else:
            path = f"/cdn/attachments/{file.channel}/{file.id}/{quote(file.filename)}"
        now = int(time.time())
        ends, begins = f"{int(now + seconds):x}", f"{now:x}"
        mark = self._mark(path, ends, begins)
        return f"{self.url}{path}?ex={ends}&is={begins}&hm={mark}"

    def valid(self, path: str, query: Mapping[str, str]) -> bool:
        """Tell whether path and query were signed here and are not too old."""
        ends, begins, mark = (query.get(name, "") for name in ("ex", "is", "hm"))
        if not hmac.compare_digest(self._mark(path, ends, begins), mark):
            return False
        return int(ends, 16) > time.time()

    def _mark(self, path: str, ends: str, begins: str) -> str:
        words = f"{path}|{ends}|{begins}".encode()
        return hmac.new(self._secret, words, hashlib.sha256).hexdigest()
