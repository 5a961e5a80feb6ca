"""Run the stand-in as a process: ``python -m tests.standins.discord --port 0``."""

import asyncio

from tests.standins.discord import DiscordStandin
from tests.standins.discord.control import arguments, serve

if __name__ == "__main__":
    given = arguments()
    content = not given.no_message_content
    asyncio.run(serve(DiscordStandin(port=given.port, message_content=content)))
