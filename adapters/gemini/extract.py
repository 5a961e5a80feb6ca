"""Splits the JSON of an answer as it streams by: small JSON stays, long strings go to sinks.

A picture and its signature are megabytes of base64 in one JSON string. Only quotes are looked for,
so an answer of any size takes a constant amount of memory and no more time than the base64 does.
"""

from __future__ import annotations

import binascii
import json
import re
from typing import TYPE_CHECKING, Literal, Protocol

import pybase64

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = Literal["data", "signature"]

_KINDS: dict[bytes, Kind] = {
    b"data": "data",
    b"thoughtSignature": "signature",
    b"thought_signature": "signature",
}
_MOST_SKELETON = 8 * 1024 * 1024

_BODY = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|([^u]))", re.DOTALL)
_ESCAPE_LENGTH = len(r"\u003d")
_WHITE = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_STANDARD = bytes.maketrans(b"-_", b"+/")


class Sink(Protocol):
    """Takes one long string, raw as it stands between its quotes."""

    def write(self, piece: bytes) -> None:
        """Append a piece, cut anywhere."""
        ...

    def close(self) -> None:
        """Note that the string is whole."""
        ...


class Extractor:
    """Takes an answer piece by piece.

    Every string under the key ``data``, ``thoughtSignature`` or ``thought_signature`` goes to a
    sink of its own, however short; in the small JSON a number stands instead, as a string: "0" for
    the first one. Everything else stays as it is, up to 8 MiB.
    """

    def __init__(self, new_sink: Callable[[Kind], Sink]) -> None:
        """Take what makes a sink for a string."""
        self._new_sink = new_sink
        self._skeleton = bytearray()
        self._last = slice(0, 0)  # the newest string of the skeleton, without its quotes
        self._in_string = False
        self._escaped = False
        self._sink: Sink | None = None
        self._sinks = 0

    def feed(self, piece: bytes) -> None:
        """Take the next piece, cut anywhere. ValueError when a limit is passed."""
        at = 0
        while at < len(piece):
            at = self._inside(piece, at) if self._in_string else self._outside(piece, at)
        if len(self._skeleton) > _MOST_SKELETON:
            raise ValueError("the answer has too much in it that is no picture")

    def finish(self) -> object:
        """Parse the small JSON. ValueError when it is none, which a cut answer never is."""
        try:
            return json.loads(self._skeleton)
        except RecursionError as error:
            raise ValueError("the answer is nested too deeply") from error

    def _outside(self, piece: bytes, at: int) -> int:
        quote = piece.find(b'"', at)
        stop = quote + 1 or len(piece)
        self._skeleton += piece[at:stop]
        if quote >= 0:
            self._in_string = True
            self._begin()
        return stop

    def _begin(self) -> None:
        """Route the string that begins by the key in front of it."""
        start = len(self._skeleton)
        key, self._last = self._last, slice(start, start)
        if self._skeleton[key.stop + 1 : start - 1].strip() != b":":
            return
        kind = _KINDS.get(bytes(self._skeleton[key]))
        if kind is None:
            return
        self._skeleton += str(self._sinks).encode()
        self._sink = self._new_sink(kind)
        self._sinks += 1

    def _inside(self, piece: bytes, at: int) -> int:
        stop = self._end_of_string(piece, at)
        if self._sink:
            self._sink.write(piece[at:stop])
        else:
            self._skeleton += piece[at:stop]
        if stop == len(piece):
            return stop
        self._in_string = False
        self._last = slice(self._last.start, len(self._skeleton))
        self._skeleton += b'"'
        if self._sink:
            self._sink.close()
            self._sink = None
        return stop + 1

    def _end_of_string(self, piece: bytes, at: int) -> int:
        """Find the closing quote, or the end of the piece."""
        at += self._escaped
        self._escaped = False
        quote = piece.find(b'"', at)
        stop = quote if quote >= 0 else len(piece)
        if piece.find(b"\\", at, stop) < 0:
            return stop
        body = _BODY.match(piece, at)
        stop = body.end() if body else at
        self._escaped = piece[stop : stop + 1] == b"\\"
        return stop + self._escaped


class Base64Sink:
    """Decodes base64 as services write it: escaped, url-safe, unpadded, wrapped, cut anywhere.

    broken: after ``close``, whether it was no base64.
    """

    def __init__(self, write: Callable[[bytes], None]) -> None:
        """Take what takes the decoded bytes."""
        self.broken = False
        self._write = write
        self._carry = b""

    def write(self, piece: bytes) -> None:
        """Decode as many whole groups of four as there are."""
        raw = self._carry + piece if self._carry else piece
        cut = len(raw) & ~3
        try:
            decoded = pybase64.b64decode(memoryview(raw)[:cut], validate=True)
        except binascii.Error:
            self._write_untidy(raw)
        else:
            self._carry = raw[cut:]
            self._write(decoded)

    def close(self) -> None:
        """Decode the rest, with the padding that may be missing."""
        rest = _tidy(self._carry)
        self._decode(rest + b"=" * (-len(rest) % 4))

    def _write_untidy(self, raw: bytes) -> None:
        backslash = raw.rfind(b"\\", -_ESCAPE_LENGTH + 1)
        cut_escape = backslash >= 0 and not _ESCAPE.match(raw, backslash)
        held = raw[backslash:] if cut_escape else b""
        clean = _tidy(raw[: len(raw) - len(held)])
        cut = len(clean) & ~3
        self._decode(clean[:cut])
        self._carry = clean[cut:] + held

    def _decode(self, clean: bytes) -> None:
        try:
            self._write(pybase64.b64decode(clean, validate=True))
        except binascii.Error:
            self.broken = True


def _tidy(raw: bytes) -> bytes:
    """Undo JSON escapes, white space and the url-safe alphabet."""
    return _ESCAPE.sub(_unescaped, raw).translate(_STANDARD, b" \t\r\n")


def _unescaped(escape: re.Match[bytes]) -> bytes:
    code, character = escape.groups()
    if code is None:
        return _WHITE.get(character, character)
    return chr(int(code, 16)).encode("ascii", "replace")
