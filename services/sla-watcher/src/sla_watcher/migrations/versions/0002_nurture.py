"""The cadences that leads in marketing's care go through."""

from alembic import op

revision = "0002_nurture"
down_revision = "0001_sla_watcher"
branch_labels = None
depends_on = None

STATEMENTS = """
-- the row is the token of its steps: each is said once
create table nurture (
  nurture_id uuid primary key, lead_id uuid not null, partition int not null, next_at timestamptz, body bytea not null
) with (fillfactor = 60);
create index nurture_next on nurture (partition, next_at) where next_at is not null;
create index nurture_lead on nurture (lead_id)
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
