"""Named points at which a test may stop the process; no-ops in production.

Each stands right after the thing that it names, so that a kill there shows whether the next start
finds the work as it was left.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

POINTS = (
    "accept.saved",
    "gather.downloaded",
    "gather.saved",
    "call.reserved",
    "gen.spool_written",
    "gen.spool_renamed",
    "gen.read",
    "keep.saved",
    "deliver.noted",
    "deliver.sent",
    "deliver.saved",
    "verdict.saved",
    "verdict.told",
)

PLATFORM_POINTS = (
    "slack.errand_saved",
    "slack.root_posted",
    "slack.file_completed",
    "slack.shared",
    "slack.standin_posted",
    "slack.words_posted",
    "slack.notice_posted",
    "discord.errand_saved",
    "discord.root_posted",
    "discord.thread_made",
    "discord.answer_posted",
    "discord.notice_posted",
)
"""Those inside the chat platforms' adapters."""


def no_fault(point: str) -> None:
    """Do nothing: production."""


def killer(point: str) -> Callable[[str], None]:
    """Make a hook that kills the process with SIGKILL at one of POINTS or PLATFORM_POINTS."""

    def fault(reached: str) -> None:
        if reached == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return fault
