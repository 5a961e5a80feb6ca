"""When the commands are sent to Discord: only when they changed, for creates are counted."""

from __future__ import annotations

import asyncio
import hashlib
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import discord
import structlog
from discord import app_commands

from adapters.discord import tree as commands
from adapters.discord.preflight import FAILURES, invite_url, logged_in, unreachable
from bot.errors import DeliveryError, SettingsError
from bot.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.discord.tree import Handlers
    from bot.errors import ThreadpaintError
    from bot.ports import Journal
    from bot.settings import Settings

_log = structlog.get_logger(__name__)

KIND = "discord.commands"
"""Notes: by the id of the application, what Discord was last sent."""

_SECONDS = 90  # discord.py waits on 429, and repeats 502 for 25 seconds
_CREATES_USED_UP, _BLOCKED = 30034, 40333  # error codes; the latter is Cloudflare's


async def sync_if_changed(
    tree: app_commands.CommandTree,
    journal: Journal,
    application: str,
) -> bool:
    """Send the commands if they are not what was sent last; tells whether they were.

    The tree's client has logged in. Raises DeliveryError when Discord does not take them,
    SettingsError when it does not let us, DependencyDown: until the next try people have the
    commands of before.
    """
    wanted = fingerprint(await payload(tree))
    note = await journal.read(KIND, application)
    if note is not None and note["hash"] == wanted:
        return False
    sent = await send(tree)
    await journal.write(KIND, application, {"hash": wanted})
    _log.info("discord has the commands now", commands=sent)
    return True


async def payload(tree: app_commands.CommandTree) -> list[dict[str, Any]]:
    """List the commands as they are sent, in every language."""
    translator = await _translator(tree)
    return [
        await command.get_translated_payload(tree, translator) for command in tree.get_commands()
    ]


async def _translator(tree: app_commands.CommandTree) -> app_commands.Translator:
    if tree.translator is None:
        await commands.translate(tree)
    return cast("app_commands.Translator", tree.translator)


def fingerprint(described: Sequence[dict[str, Any]]) -> str:
    """Name a state of the commands: another one for every change."""
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


async def send(tree: app_commands.CommandTree) -> list[str]:
    """Send all commands in place of those that Discord has, and name them.

    DeliveryError, SettingsError, DependencyDown.
    """
    await _translator(tree)
    try:
        async with asyncio.timeout(_SECONDS):
            return [command.name for command in await tree.sync()]
    except discord.HTTPException as error:
        raise _refusal(error) from error
    except (discord.RateLimited, TimeoutError) as error:
        raise DeliveryError(
            "Discord has not taken the commands in time; perhaps too many were sent today. The"
            " commands of before still work. Run `threadpaint discord-sync` in some hours."
        ) from error
    except FAILURES as error:
        raise unreachable(error) from error


def _refusal(error: discord.HTTPException) -> ThreadpaintError:
    """Tell whose fault it is."""
    if error.code == _CREATES_USED_UP:
        return DeliveryError(
            "Discord takes no more new commands today: the 200 of the day are used up. The"
            " commands of before still work. Run `threadpaint discord-sync` tomorrow."
        )
    if isinstance(error, app_commands.CommandSyncFailure):
        return DeliveryError(f"Discord does not take the commands. {' '.join(str(error).split())}")
    if error.status == HTTPStatus.FORBIDDEN and error.code != _BLOCKED:
        return SettingsError(
            "Discord does not let the bot set its commands (HTTP status 403). DISCORD_TOKEN has to"
            " be the token of this bot itself: copy it again from the app's page, Bot."
        )
    return unreachable(error)


async def discord_sync(settings: Settings) -> str:
    """Send the commands now, changed or not; gives the words to print.

    Works beside a process that runs. Raises what ``send`` does.
    """
    if settings.discord_token is None:
        raise SettingsError("DISCORD_TOKEN is not set. docs/discord.md says where it comes from.")
    token = settings.discord_token.get_secret_value()
    async with logged_in(token, settings.discord_api_url) as client:
        unheard = cast("Handlers", None)  # without a gateway nothing ever calls them
        names = await send(commands.build(client, unheard, models_of(settings)))
        invite = invite_url(str(client.application_id))
    return (
        f"Discord has the commands now: {', '.join(names)}.\n"
        f"To invite the bot to a server, open\n{invite}"
    )


def models_of(settings: Settings) -> tuple[str, ...]:
    """List the models that people may choose, the operator's own first."""
    return tuple(dict.fromkeys((settings.model, *PROFILES[settings.provider])))
