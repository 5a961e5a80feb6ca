"""What a searched answer rests on, and what has to be shown with it. Pure.

The duties of display and the field names: facts read in November 2026 (Gemini API Additional Terms
of 2026-03-23, Vertex grounding page). The keys of image chunks differ between Google's own pages,
so all of them are read.
"""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urlsplit

from adapters.gemini.loose import first, obj, objects, text
from bot.conversation import Source, Suggestion

_PAGE = ("sourceUri", "source_uri", "uri", "url")
_IMAGE = ("imageUri", "image_uri", "imageUrl", "image_url")
_MOST_HTML = 64 * 1024  # characters that are parsed; 4,741 were seen


def searches(found: dict[str, object]) -> int:
    """Count the search queries that are billed; a real answer had an empty one first."""
    web = first(found, "webSearchQueries", "web_search_queries")
    image = first(found, "imageSearchQueries", "image_search_queries")
    lists = [queries for queries in (web, image) if isinstance(queries, list)]
    return sum(bool(text(query).strip()) for queries in lists for query in queries)


def sources(found: dict[str, object]) -> tuple[Source, ...]:
    """List the pages, each once; an image by the page that shows it."""
    chunks = objects(first(found, "groundingChunks", "grounding_chunks"))
    listed = (_source(chunk) for chunk in chunks)
    return tuple(dict.fromkeys(source for source in listed if source))


def suggestions(found: dict[str, object]) -> tuple[Suggestion, ...]:
    """Take the chips out of Google's rendered search suggestions, text and link verbatim."""
    chips = _Chips()
    chips.feed(suggestions_html(found)[:_MOST_HTML])
    chips.close()
    return tuple(Suggestion(text=words, url=url) for url, words in chips.found if _is_link(url))


def suggestions_html(found: dict[str, object]) -> str:
    """Take Google's rendered search suggestions unmodified; "" when there are none."""
    entry = obj(first(found, "searchEntryPoint", "search_entry_point"))
    return text(first(entry, "renderedContent", "rendered_content"))


def _source(chunk: dict[str, object]) -> Source | None:
    web, image = obj(chunk.get("web")), obj(chunk.get("image"))
    page = web or image
    links = [text(page.get(name)) for name in (*_PAGE, *(() if web else _IMAGE))]
    url = next(filter(_is_link, links), "")
    if not url:
        return None
    title = text(page.get("title")) or text(page.get("domain")) or urlsplit(url).netloc
    return Source(title=title, url=url, kind="web" if web else "image")


def _is_link(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


class _Chips(HTMLParser):
    """Collects ``<a class="chip" href="...">words</a>`` as pairs of link and words."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "a":
            return
        given = {name: value or "" for name, value in attrs}
        self._open = "chip" in given.get("class", "").split()
        if self._open:
            self.found.append((given.get("href", ""), ""))

    def handle_data(self, data: str) -> None:
        if self._open:
            url, words = self.found[-1]
            self.found[-1] = (url, words + data)

    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag != "a"
