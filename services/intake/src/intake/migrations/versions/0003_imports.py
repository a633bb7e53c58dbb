"""Imported files with the result of every row, and the receipts of erasures."""

from alembic import op

revision = "0003_imports"
down_revision = "0002_awaiting"
branch_labels = None
depends_on = None

STATEMENTS = """
-- a file on its way in: `next_row` is the first row that is not yet kept, moved in the transaction that keeps rows
create table import (
  import_id uuid primary key, door text not null, file_name text not null, digest text not null, bytes bigint not null,
  format jsonb not null, constants jsonb not null, state text not null check (state in ('reading', 'done', 'failed')),
  next_row int not null default 1, total int, counts jsonb not null default '{}', problems jsonb not null default '[]',
  columns jsonb not null default '[]', command text unique, made_by text not null, started_at timestamptz not null,
  finished_at timestamptz
) with (fillfactor = 50);
create index import_reading on import (import_id) where state = 'reading';

-- its bytes, here so that any process can go on; they go with the end of the reading
create table import_piece (
  import_id uuid not null, number int not null, bytes bytea not null, primary key (import_id, number)
);
alter table import_piece alter column bytes set storage external;

-- what became of each row
create table import_row (
  import_id uuid not null, number int not null,
  state text not null check (state in ('captured', 'further', 'repeat', 'parked', 'ignored')),
  reason text, submission_id uuid, lead_id uuid, primary key (import_id, number)
);
create index import_row_state on import_row (import_id, state, number) where state <> 'captured';

-- what a person's erasure is waited for with: the place of its event in the stream
create table erasure (
  erasure_id uuid primary key, lead_id uuid not null unique, partition int not null, epoch bigint not null,
  seq bigint not null, purge boolean not null, asked_by text not null, erased_at timestamptz not null,
  completed_at timestamptz, services jsonb
);
create index erasure_open on erasure (erasure_id) where completed_at is null;
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
