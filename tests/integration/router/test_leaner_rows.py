"""The router's rows after the migration that spares index entries: what was kept before is found as before."""

import shutil
from pathlib import Path

import asyncpg
import pytest

import router
from router.domain.dossier import Dossier, to_json
from router.store import leads
from shared.contracts.attributes import Attributes
from shared.runtime.ids import new_id
from shared.store.migrate import migrate, version_table
from tests.support.harness import MONDAY_NINE

_BEFORE = ("0001_router", "0002_router_acts", "0003_router_telling")
_KEEP = "insert into lead_state (lead_id, partition, place, owner, dossier) values ($1, 0, $2, null, $3)"


@pytest.fixture
def earlier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package with the router's migrations of before."""
    versions = tmp_path / "earlier_router" / "migrations" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / "earlier_router" / "__init__.py").touch()
    ours = Path(router.__path__[0]) / "migrations" / "versions"
    for name in _BEFORE:
        shutil.copy(ours / f"{name}.py", versions)
    monkeypatch.syspath_prepend(tmp_path)
    return "earlier_router"


async def test_leads_of_an_earlier_version_are_found_in_their_pools(database_url: str, earlier: str) -> None:
    await migrate(database_url, earlier)
    raw, nurtured = new_id(), new_id()
    connection: asyncpg.Connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(f"alter table {version_table(earlier)} rename to {version_table('router')}")
        for lead_id, place in ((raw, "raw"), (nurtured, "nurture")):
            dossier = Dossier(
                lead_id=lead_id,
                attributes=Attributes(region="north"),
                told_apart={"region": MONDAY_NINE},
            )
            await connection.execute(_KEEP, lead_id, place, to_json(dossier))

        await migrate(database_url, "router")

        found = await connection.fetch("select lead_id from lead_state where pool = 'nurture'")
        assert [row[0] for row in found] == [nurtured]
        assert await connection.fetchval("select pool from lead_state where lead_id = $1", raw) is None
        cases = await leads.cases_of(connection, {raw: 0})
        assert cases[raw].dossier.attributes_at == {"region": MONDAY_NINE}
    finally:
        await connection.close()
