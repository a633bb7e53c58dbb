"""Submissions that await their answers, how fetching goes, the write-only secrets, and leads by door and hour."""

from alembic import op

revision = "0002_awaiting"
down_revision = "0001_intake"
branch_labels = None
depends_on = None

STATEMENTS = """
-- a submission in the state `awaiting`: when its answers are fetched next, and since when. `claimed_until` is real time
create table awaiting (
  submission_id uuid primary key, partition int not null, door text not null, due_at timestamptz not null,
  since timestamptz not null, tries int not null default 0, claimed_until timestamptz, trouble text
) with (fillfactor = 70);
create index awaiting_due on awaiting (partition, due_at);

-- how fetching goes, door by door; `refused_since` stands while the vendor refuses the token
create table door_fetch (
  door text primary key, fetched_at timestamptz, refused_since timestamptz, refusals bigint not null default 0,
  refused_why text
);

-- how many leads had come through a door by the end of an hour: what is usual, and so when silence is not
create table door_mark (
  door text not null, hour timestamptz not null, leads bigint not null, primary key (door, hour)
);

-- sealed with a key that is not in the database
create table secret (
  name text primary key, sealed bytea not null, set_at timestamptz not null, set_by text not null
);
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
