"""Run the stand-in as a process: ``python -m tests.standins.slack --port 0``."""

import asyncio

from tests.standins.slack import SlackStandin
from tests.standins.slack.control import arguments, serve

if __name__ == "__main__":
    asyncio.run(serve(SlackStandin(port=arguments().port)))
