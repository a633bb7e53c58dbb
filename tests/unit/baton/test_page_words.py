"""Every word of the page exists in the three languages, and the templates use no other."""

import re
from importlib.resources import files

from baton.page.figures import STAGES, bars
from baton.page.words import LANGUAGES, Words, catalogue, language_of


def test_every_word_has_every_language() -> None:
    missing = [(name, each) for name, texts in catalogue().items() for each in LANGUAGES if not texts.get(each)]
    assert missing == []


def test_the_templates_ask_only_for_words_that_exist() -> None:
    asked = {
        name
        for template in files("baton.page").joinpath("templates").iterdir()
        for name in re.findall(r"\bwords\.(\w+)", template.read_text("utf-8"))
    }
    assert asked - catalogue().keys() == set()
    assert len(asked) > 20


def test_the_readers_language_is_asked_kept_or_the_browsers() -> None:
    assert language_of("vi", "zh", "en") == "vi"
    assert language_of("xx", "zh", "en") == "zh"
    assert language_of(None, None, "fr-FR,zh-CN;q=0.8") == "zh"
    assert language_of(None, None, "") == "en"


def test_a_name_without_a_word_is_said_as_it_is() -> None:
    assert Words("vi")["search_ads"] == "search ads"


def test_bars_are_shares_of_the_leads() -> None:
    total = {"leads": 8, "mql": 4, "sql": 1, "assigned": 2, "contacted": 2, "opportunities": 1, "won": 0}
    assert [(bar.stage, bar.percent) for bar in bars(total)][:3] == [("leads", 100.0), ("mql", 50.0), ("sql", 12.5)]


def test_an_empty_funnel_has_bars_of_no_width() -> None:
    empty: dict[str, int] = dict.fromkeys(STAGES, 0)
    assert {bar.percent for bar in bars(empty)} == {0.0}
