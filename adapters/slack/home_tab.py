"""The home tab: what it shows of one person, brought together and published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.slack import home
from bot.commands import help_text
from bot.errors import DeliveryError

if TYPE_CHECKING:
    from adapters.slack.parts import Parts
    from bot.conversation import Turn

_MOST = 5  # recent pictures


async def publish(parts: Parts, user: str) -> None:
    """Show a person their home tab. DeliveryError."""
    anywhere = parts.thread("")
    recent = await parts.store.recent(anywhere, user, _MOST)
    admin = await parts.people.is_admin(user)
    view = home.home(
        recent=[
            home.Recent(prompt=turn.prompt, permalink=await _link(parts, turn), when=turn.created)
            for turn in recent
        ],
        pictures_left=await _left(parts, user),
        defaults=await parts.preferences.person(anywhere, user),
        rules=await parts.preferences.channels(anywhere) if admin else None,
        grammar=help_text(),
    )
    await parts.web.call("views.publish", repeatable=True, user_id=user, view=view)


async def _left(parts: Parts, user: str) -> int | None:
    """Count the pictures that a person may still ask for today (UTC), None without a limit."""
    if parts.quota is None:
        return None
    today = parts.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return max(0, parts.quota - await parts.ledger.pictures(parts.thread(""), user, today))


async def _link(parts: Parts, turn: Turn) -> str:
    posts = (await parts.store.record(turn.id)).posts
    shown = [post.message_id for post in posts if post.choice is not None]
    if not shown:
        return ""
    try:
        found = await parts.web.call(
            "chat.getPermalink",
            repeatable=True,
            channel=turn.thread.channel,
            message_ts=shown[0].partition(":")[0],
        )
    except DeliveryError:
        return ""
    return str(found["permalink"])
