"""The dossier of each lead, and the one scorecard that is being written."""

from alembic import op

revision = "0001_scorer"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = """
-- `body` is the truth; the other columns repeat what queries ask for. Rows are rewritten with each fact, and seldom
-- with another next_change, so half of each page is left free and updates stay on it.
create table dossier (
  lead_id uuid primary key, partition int not null, body bytea not null, score_milli int, tier text,
  scorecard_version int, next_change timestamptz
) with (fillfactor = 50);
create index dossier_next_change on dossier (partition, next_change) where next_change is not null;

-- one draft at a time; based_on is the version that was live when it was saved
create table scorecard_draft (
  only_one bool primary key default true check (only_one), body jsonb not null, based_on int not null,
  saved_by text not null, saved_at timestamptz not null
);
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
