"""The commands in other languages; Discord shows each person their own. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from discord import Locale, app_commands

if TYPE_CHECKING:
    from collections.abc import Mapping

GERMAN: Mapping[str, str] = {
    # Commands. Those with subcommands keep their names: translated ones hide the subcommands
    # (reported: discord/discord-api-docs#5105).
    "imagine": "malen",
    "Ask for a picture; it comes in a thread of its own": (
        "Ein Bild malen lassen; es kommt in einem eigenen Thread"
    ),
    "edit": "ändern",
    "Change the newest picture here": "Das neueste Bild hier ändern",
    "usage": "verbrauch",
    "What you have asked for today and what is left": (
        "Was du heute angefragt hast und was noch übrig ist"
    ),
    "settings": "einstellungen",
    "Your own defaults; without options it shows them": (
        "Deine eigenen Vorgaben; ohne Optionen werden sie gezeigt"
    ),
    "why": "warum",
    "Why was I refused here?": "Warum wurde ich hier abgewiesen?",
    "help": "hilfe",
    "How to ask for pictures and change them": "Wie man Bilder malen lässt und ändert",
    "Edit image": "Bild ändern",
    "Use as reference": "Als Vorlage nehmen",
    # /config
    "What holds on this server (moderators)": "Was auf diesem Server gilt (Moderation)",
    "follow": "folgen",
    "Which replies in the bot's threads count": "Welche Antworten in Threads des Bots zählen",
    "channels": "kanäle",
    "Where pictures may be asked for": "Wo nach Bildern gefragt werden darf",
    "roles": "rollen",
    "Who may ask for pictures": "Wer nach Bildern fragen darf",
    "defaults": "vorgaben",
    "Shape and size of a channel's pictures": "Form und Größe der Bilder eines Kanals",
    "quota": "kontingent",
    "How many pictures a person or a role may ask for in a day": (
        "Wie viele Bilder eine Person oder Rolle am Tag anfragen darf"
    ),
    "spoiler": "spoiler",
    "Hide a channel's pictures until they are clicked": (
        "Bilder eines Kanals bis zum Anklicken verdecken"
    ),
    "show": "zeigen",
    "Show what is set": "Zeigen, was eingestellt ist",
    # /privacy
    "What is kept about you, and how to get or erase it": (
        "Was über dich gespeichert ist, und wie du es bekommst oder löschst"
    ),
    "what": "was",
    "What is kept, and who gets it": "Was gespeichert wird und wer es bekommt",
    "data": "daten",
    "Give me what is kept about me": "Gib mir, was über mich gespeichert ist",
    "forget": "vergessen",
    "Erase what is kept about me": "Lösche, was über mich gespeichert ist",
    # Options
    "prompt": "beschreibung",
    "What you would like to see": "Was du sehen möchtest",
    "What should change": "Was sich ändern soll",
    "ratio": "form",
    "The shape of the picture": "Die Form des Bildes",
    "size": "größe",
    "How large the picture is": "Wie groß das Bild ist",
    "thinking": "nachdenken",
    "How long to think before painting": "Wie lange vor dem Malen nachgedacht wird",
    "search": "suche",
    "What to look up on the web first": "Was vorher im Web gesucht wird",
    "model": "modell",
    "Which model paints": "Welches Modell malt",
    "count": "anzahl",
    "How many pictures": "Wie viele Bilder",
    "image1": "bild1",
    "image2": "bild2",
    "image3": "bild3",
    "image4": "bild4",
    "A picture or PDF to work with": "Ein Bild oder PDF als Material",
    "private": "privat",
    "Only you see the answer": "Nur du siehst die Antwort",
    "replies": "antworten",
    "Which replies count": "Welche Antworten zählen",
    "channel": "kanal",
    "The channel; without it, this one": "Der Kanal; ohne Angabe dieser",
    "The channel to allow or to take off the list": (
        "Der Kanal, der erlaubt oder von der Liste genommen wird"
    ),
    "change": "änderung",
    "What to do with the list": "Was mit der Liste geschehen soll",
    "role": "rolle",
    "The role to allow or to take off the list": (
        "Die Rolle, die erlaubt oder von der Liste genommen wird"
    ),
    "The role that this is for": "Die Rolle, für die das gilt",
    "person": "person",
    "The person that this is for": "Die Person, für die das gilt",
    "pictures": "bilder",
    "Pictures in a day; without it, no limit of their own": (
        "Bilder am Tag; ohne Angabe keine eigene Grenze"
    ),
    "hide": "verdecken",
    "Whether to hide them": "Ob sie verdeckt werden",
    # Choices
    "minimal": "minimal",
    "medium": "mittel",
    "high": "hoch",
    "none": "keine",
    "web": "Web",
    "web and pictures": "Web und Bilder",
    "As it was set for everybody": "Wie für alle eingestellt",
    "Every reply in its threads counts": "Jede Antwort in seinen Threads zählt",
    "Only mentions count": "Nur Erwähnungen zählen",
    "Only replies of who began the thread": "Nur Antworten der Person, die den Thread begann",
    "Allow it": "Erlauben",
    "Take it off the list": "Von der Liste nehmen",
    "Empty the list: all are allowed": "Liste leeren: alle sind erlaubt",
}
"""German for each English text of the commands."""


class German(app_commands.Translator):
    """Translates the texts of the commands when they are sent to Discord."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """Give the text in German, None for another language or for a text that is a value."""
        del context
        return GERMAN.get(string.message) if locale is Locale.german else None
