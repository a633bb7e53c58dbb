"""A database that an older version filled: its dossiers are read and written on."""

import asyncpg

from scorer.domain.dossier_json import to_json
from scorer.domain.episodes import decide
from scorer.main import service
from scorer.store import Kept, dossiers_of, keep
from shared.runtime.ids import new_id
from shared.store.migrate import migrate
from tests.support.earlier import lay_out
from tests.support.postgres import MakeDatabase
from tests.unit.scorer.builders import START, a_document, a_lead, did, scorecard_of


async def test_an_older_databases_dossiers_are_read_and_written_on(make_database: MakeDatabase) -> None:
    package = service().package
    url = await make_database(package)
    connection = await asyncpg.connect(url)
    await lay_out(connection, package, "0001_scorer", "0002_scorer_backtests")
    lead_id, lead = new_id(), a_lead(industry="manufacturing")
    await connection.execute(
        "insert into dossier (lead_id, partition, body, score_milli, tier, scorecard_version)"
        " values ($1, 3, $2, 50000, 'raw', 1)",
        lead_id, to_json(lead),
    )  # fmt: skip
    await migrate(url, package)
    assert await dossiers_of(connection, [lead_id]) == {lead_id: lead}
    outcome = decide(did(lead, "demo_requested"), scorecard_of(a_document()), START)
    await keep(connection, [Kept(lead_id, 3, outcome)])
    assert await dossiers_of(connection, [lead_id]) == {lead_id: outcome.dossier}
    row = await connection.fetchrow("select partition, score_milli, tier from dossier")
    assert tuple(row or ()) == (3, 80_000, "sql")
    await connection.close()
