"""Intake's own tables: leads, identity keys, submissions, engagements and the count of arrivals."""

from alembic import op

revision = "0001_intake"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = """
-- the person: personal data lives in `fields` and nowhere outside this database
create table lead (
  lead_id uuid primary key, partition int not null, submission_id uuid not null, door text not null,
  captured_at timestamptz not null, recorded_at timestamptz not null, updated_at timestamptz not null,
  fields jsonb not null, attributes jsonb not null, marketing_owner text, is_test boolean not null,
  erased_at timestamptz
) with (fillfactor = 85);

-- what makes two submissions one person; the database itself keeps a key with one lead
create table identity_key (
  kind text not null check (kind in ('email', 'phone', 'test-email', 'test-phone')),
  value text not null check (value <> ''), lead_id uuid not null,
  primary key (kind, value)
);
create index identity_key_lead on identity_key (lead_id);

-- every accepted arrival. `seen_key` is a keyed hash of the vendor's id, the Idempotency-Key or the content; it is
-- given up when `seen_until` has passed (null: never) and somebody sends the same again; `raw` is the body, or with
-- `part` one item of it as JSON
create table submission (
  submission_id uuid primary key, door text not null, seen_key bytea, seen_until timestamptz, digest bytea,
  lead_id uuid, state text not null check (state in ('captured', 'further', 'repeat', 'awaiting', 'parked', 'ignored')),
  reason text, vendor_id text, content_type text, raw bytea, part boolean not null, fields jsonb,
  received_at timestamptz not null
) with (fillfactor = 90);
create unique index submission_seen on submission (seen_key) where seen_key is not null;
create index submission_lead on submission (lead_id) where lead_id is not null;
create index submission_parked on submission (submission_id) where state = 'parked';

-- engagements; one without a lead waits under its key until somebody has it
create table engagement (
  engagement_id uuid primary key, lead_id uuid, key_kind text, key_value text, kind text not null,
  content text, url text, occurred_at timestamptz not null, recorded_at timestamptz not null
);
create index engagement_waiting on engagement (key_kind, key_value) where lead_id is null;
create index engagement_lead on engagement (lead_id) where lead_id is not null;

-- accepted = captured + further + repeat + awaiting + parked + ignored, door by door
create table arrival_tally (
  door text not null, state text not null, count bigint not null, last_at timestamptz not null,
  primary key (door, state)
) with (fillfactor = 50);

-- what vendors' ids are hashed with
insert into setting (name, value)
  values ('intake_hash_key', replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''))
  on conflict do nothing;
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
