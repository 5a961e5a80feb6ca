"""Rate limits: buckets by route and channel, the global limit, the ban for too many errors."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.standins.discord.values import Call, Knobs

_WINDOW = 600
_PLENTY = 10_000


@dataclass(slots=True)
class Bucket:
    """One bucket; used: requests since it was filled."""

    ends: float = 0
    used: int = 0


@dataclass(slots=True)
class Limits:
    """What is left of everything. invalid: times of the 401, 403 and 429 answers."""

    knobs: Knobs
    invalid: list[float] = field(default_factory=list)
    buckets: dict[str, Bucket] = field(default_factory=dict)
    second: float = 0
    in_second: int = 0

    def banned(self) -> bool:
        """Tell whether Cloudflare has shut the door: 10,000 invalid requests in 10 minutes."""
        now = time.monotonic()
        return sum(at > now - _WINDOW for at in self.invalid) >= self.knobs.invalid_limit

    def note(self, status: int, scope: str) -> None:
        """Count an invalid answer; a 429 of shared scope is not one."""
        if status in {401, 403} or (status == 429 and scope != "shared"):
            self.invalid.append(time.monotonic())

    def globally(self) -> float:
        """Count a request against the global limit; return how long to wait, 0 for none."""
        now = time.monotonic()
        if now - self.second >= 1:
            self.second, self.in_second = now, 0
        self.in_second += 1
        if self.knobs.global_limit and self.in_second > self.knobs.global_limit:
            return max(0.01, self.second + 1 - now)
        return 0

    def take(self, call: Call, major: str) -> tuple[float, dict[str, str]]:
        """Take from the bucket of a call; return how long to wait (0: go) and the headers."""
        key = f"{call.method} {call.route}"
        most, seconds = self.knobs.limits.get(key, (_PLENTY, 1.0))
        bucket = self.buckets.setdefault(f"{key} {major}", Bucket())
        now = time.time()
        if now >= bucket.ends:
            bucket.ends, bucket.used = now + seconds, 0
        over = bucket.used >= most
        bucket.used += not over
        headers = {
            "X-RateLimit-Limit": str(most),
            "X-RateLimit-Remaining": str(most - bucket.used),
            "X-RateLimit-Reset": f"{bucket.ends:.3f}",
            "X-RateLimit-Reset-After": f"{bucket.ends - now:.3f}",
            "X-RateLimit-Bucket": hashlib.sha256(key.encode()).hexdigest()[:16],
        }
        return (max(0.01, bucket.ends - now) if over else 0), headers
