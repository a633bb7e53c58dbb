"""The commands about policies, and the backtest, on a running product."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.product import Product, a_product

pytestmark = pytest.mark.timeout(300)


def written(path: Path, body: dict[str, Any]) -> str:
    path.write_text(yaml.safe_dump(body, allow_unicode=True))
    return str(path)


async def said(product: Product, *arguments: str, code: int = 0) -> str:
    ended, words = await product.baton(*arguments)
    assert ended == code, words
    assert "Traceback" not in words
    return words


async def live(product: Product, kind: str) -> dict[str, Any]:
    body: dict[str, Any] = (await product.http.get(f"/v1/policies/{kind}")).json()["body"]
    return body


async def test_a_policy_is_linted_compared_published_and_its_history_checked(data_home: Path, tmp_path: Path) -> None:
    async with a_product(data_home / "data") as product:
        card = await live(product, "scorecard")
        same = written(tmp_path / "same.yaml", card)
        assert "the same as version 1" in await said(product, "policy", "diff", "scorecard", same)
        next(rule for rule in card["rules"] if rule["id"] == "price-page")["points"] = 20
        draft = written(tmp_path / "draft.yaml", card)
        assert "10 điểm → 20 điểm" in await said(product, "policy", "diff", "scorecard", draft, "--lang", "vi", code=1)
        broken = written(tmp_path / "broken.yaml", card | {"tiers": []})
        assert "there is no tier" in await said(product, "policy", "lint", "scorecard", broken, code=1)
        assert "no lead would have crossed otherwise" in await said(product, "backtest", draft)
        applied = await said(product, "policy", "publish", "scorecard", draft, "--apply", "all", "--yes")
        assert "0 leads would cross" in applied
        assert "live as version 2" in applied
        history = json.loads(await said(product, "policy", "history", "scorecard", "--json"))
        assert (history["intact"], [row["version"] for row in history["items"]]) == (True, [2, 1])

        calendars = written(tmp_path / "calendars.yaml", await live(product, "calendars"))
        await said(product, "policy", "lint", "calendars", calendars)
        assert "calendars is live as version" in await said(product, "policy", "publish", "calendars", calendars)
        assert "the chain is intact" in await said(product, "policy", "history", "calendars")
