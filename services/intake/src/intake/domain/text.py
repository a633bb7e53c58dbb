"""Folding of texts, so that spellings of one word are equal."""

import re
import unicodedata
from functools import lru_cache

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_APART = re.compile(r"[\W_]+")
_CJK = re.compile(r"[぀-ヿ㐀-鿿豈-﫿가-힯]")


def fold(text: str) -> str:
    """Case, width, accents and punctuation ignored: `Sản-xuất` and `san xuat`, `within_a_month` and `Within a month`."""
    if text.isascii():
        return _APART.sub(" ", text.lower()).strip()
    decomposed = unicodedata.normalize("NFKD", text).casefold().replace("đ", "d")
    bare = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return _APART.sub(" ", unicodedata.normalize("NFC", bare)).strip()


@lru_cache(maxsize=2048)  # a door sees the same few labels again and again
def fold_label(text: str) -> str:
    """`fold` for names of fields: `firstName` is `first name` too."""
    return fold(_CAMEL.sub(" ", text) if text.isascii() and " " not in text else text)


def has_cjk(text: str) -> bool:
    return not text.isascii() and _CJK.search(text) is not None


def holds_words(text: str, words: str) -> bool:
    """Whether folded `words` stand in folded `text`: whole words in alphabets, anywhere in Chinese and Japanese."""
    return words in text if has_cjk(words) else f" {words} " in f" {text} "


def begins_with(text: str, words: str) -> bool:
    """Whether folded `text` begins with folded `words`, at a word's end in alphabets."""
    return text.startswith(words) if has_cjk(words) else f"{text} ".startswith(f"{words} ")
