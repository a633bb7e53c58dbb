"""The commands of an operator on a running product, and on one that was stopped after a restore."""

import json
from pathlib import Path

import pytest

from tests.support.product import Product, a_product
from tests.support.wait import until

pytestmark = pytest.mark.timeout(300)


async def refused(product: Product, *arguments: str) -> str:
    code, said = await product.baton(*arguments)
    assert code == 1, said
    assert "Traceback" not in said
    return said


async def done(product: Product, *arguments: str) -> str:
    code, said = await product.baton(*arguments)
    assert code == 0, said
    return said


async def test_an_operator_gets_an_answer_in_plain_words_from_every_command(data_home: Path) -> None:
    async with a_product(data_home / "data") as product:
        made = json.loads(await done(product, "key", "create", "--role", "manager", "--name", "lan", "--json"))
        with_key = {"authorization": f"Bearer {made['token']}"}

        async def opens() -> bool:
            return (await product.http.get("/v1/reps", headers=with_key)).status_code == 200

        await until(opens)  # the services look for new keys every two seconds
        assert "already" in await refused(product, "key", "create", "--role", "viewer", "--name", "lan")
        assert "is no role" in await refused(product, "key", "create", "--role", "boss", "--name", "minh")
        bound = await done(
            product, "key", "create", "--role", "manager", "--name", "huong", "--teams", "hanoi, shanghai"
        )
        assert "bound to hanoi, shanghai" in " ".join(bound.split())
        access = (await product.http.get("/v1/policies/access")).json()["body"]["keys"]
        assert access["huong"]["teams"] == ["hanoi", "shanghai"]
        assert "manager" in await refused(product, "key", "create", "--role", "rep", "--name", "x", "--teams", "hanoi")
        assert "revoked lan" in await done(product, "key", "revoke", "lan")
        assert "no key 'lan'" in await refused(product, "key", "revoke", "lan")
        assert "nothing is parked" in await done(product, "parked", "list")
        assert "no service 'nobody'" in await refused(product, "parked", "release", "nobody", "1")
        assert "no service 'nobody'" in await refused(product, "consumers", "remove", "nobody", "x")
        assert "analytics" in await done(product, "consumers", "list")
        assert "nobody is behind" in await done(product, "lag")
        assert "lanes" in await done(product, "replay", "analytics")
        assert "sla-watcher" in await done(product, "doctor")
        assert "in use by process" in await refused(product, "store", "new-epoch", "scorer")
        await product.end()
        assert "begin a new epoch" in await done(product, "store", "new-epoch", "scorer")
        assert "no database" in await refused(product, "store", "new-epoch", "scorer", "--distributed")
