"""The router's rows after the migration that spares index entries: what was kept before is found as before."""

import asyncpg

from router.domain.dossier import Dossier, to_json
from router.store import leads
from shared.contracts.attributes import Attributes
from shared.runtime.ids import new_id
from shared.store.migrate import migrate
from tests.support.earlier import lay_out
from tests.support.harness import MONDAY_NINE

_KEEP = "insert into lead_state (lead_id, partition, place, owner, dossier) values ($1, 0, $2, null, $3)"


async def test_leads_of_an_earlier_version_are_found_in_their_pools(database_url: str) -> None:
    raw, nurtured = new_id(), new_id()
    connection: asyncpg.Connection = await asyncpg.connect(database_url)
    try:
        await lay_out(connection, "router", "0001_router", "0002_router_acts", "0003_router_telling")
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
