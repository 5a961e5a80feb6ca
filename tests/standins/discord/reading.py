"""Reads requests: JSON, or multipart with ``payload_json`` and ``files[n]``."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from aiohttp import BodyPartReader, web

from tests.standins.discord.posting import Upload
from tests.standins.discord.values import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

_FILE = re.compile(r"files\[(\d+)\]")


async def read_body(
    request: web.Request, complain: Callable[[str], None]
) -> tuple[Any, list[Upload], int]:
    """Return the JSON, the files and the size of a request."""
    if request.content_type == "multipart/form-data":
        return await _multipart(request, complain)
    raw = await request.read()
    if not raw:
        return None, [], 0
    if request.headers.get("Content-Type", "").partition(";")[0] != "application/json":
        complain(f"{request.method} {request.path}: a body that is not application/json")
        raise Refused(50109)
    return _json(raw), [], len(raw)


async def _multipart(
    request: web.Request, complain: Callable[[str], None]
) -> tuple[Any, list[Upload], int]:
    body: Any = None
    uploads: list[Upload] = []
    size = 0
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise Refused(50109)
        raw = bytes(await part.read())
        size += len(raw)
        found = _FILE.fullmatch(part.name or "")
        if part.name == "payload_json":
            body = _json(raw)
        elif found:
            uploads.append(Upload(int(found[1]), part.filename or "unknown", raw))
        else:
            complain(f"a part of a form is called {part.name!r}")
    return body, uploads, size


def _json(raw: bytes) -> Any:  # noqa: ANN401  # any JSON
    try:
        return json.loads(raw)
    except ValueError as error:
        raise Refused(50109) from error
