"""The thanks page of a form whose door names none, in the door's language."""

from typing import Final

from intake.domain.policy import HtmlDoor

_WORDS: Final = {
    "en": ("Thank you", "Thank you. Your message has arrived."),
    "zh": ("谢谢", "谢谢，我们已收到您的信息。"),
    "vi": ("Cảm ơn bạn", "Cảm ơn bạn. Chúng tôi đã nhận được thông tin của bạn."),
}
_BY_COUNTRY: Final = {"VN": "vi", "CN": "zh", "TW": "zh", "HK": "zh"}
_PAGE: Final = """<!doctype html><html lang="{language}"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{title}</title><p>{words}</p></html>"""


def language_of(door: HtmlDoor) -> str:
    """The language that the door says its visitors read, else that of its country, else English."""
    said = door.defaults.get("language", "")[:2].lower()
    return said if said in _WORDS else _BY_COUNTRY.get(door.country or "", "en")


def thanks_page(door: HtmlDoor) -> str:
    """The page, as HTML."""
    language = language_of(door)
    title, words = _WORDS[language]
    return _PAGE.format(language=language, title=title, words=words)
