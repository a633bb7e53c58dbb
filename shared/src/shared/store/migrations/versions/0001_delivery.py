"""The delivery tables that every service's database has."""

from alembic import op

revision = "0001_delivery"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = """
create table setting (name text primary key, value text not null);

-- producing: numbers are given in the last statement before COMMIT, so commit order is sequence order
create table stream_out (
  topic text not null, partition int not null, epoch bigint not null, last_seq bigint not null,
  primary key (topic, partition)
) with (fillfactor = 50);
create table epoch_out (
  topic text not null, partition int not null, old_epoch bigint not null, old_last bigint not null,
  new_epoch bigint not null, announced_at timestamptz not null default now(),
  primary key (topic, partition, old_epoch)
);
create table outbox_generation (one bool primary key default true check (one), current smallint not null,
  rotated_at timestamptz not null default now());
insert into outbox_generation (current) values (0);
create table outbox (
  topic text not null, partition int not null, epoch bigint not null, seq bigint not null, generation smallint not null,
  id uuid not null, lead_id uuid not null, value bytea not null,
  primary key (topic, partition, epoch, seq, generation)
) partition by list (generation);
create table outbox_0 partition of outbox for values in (0);
create table outbox_1 partition of outbox for values in (1);
create table outbox_2 partition of outbox for values in (2);
create table outbox_floor (
  topic text not null, partition int not null, epoch bigint not null, floor bigint not null,
  primary key (topic, partition, epoch)
);
create table relay_out (
  topic text not null, partition int not null, epoch bigint not null, confirmed bigint not null,
  primary key (topic, partition)
) with (fillfactor = 50);
create table consumer (
  service text not null, topic text not null, partition int not null, epoch bigint not null, seq bigint not null,
  reported_at timestamptz not null default now(),
  primary key (service, topic, partition)
) with (fillfactor = 50);

-- consuming: the lane's version is the fence, the lease is only for speed
create table lane (partition int primary key, version bigint not null) with (fillfactor = 50);
create table lease (partition int primary key, owner text, expires_at timestamptz) with (fillfactor = 50);
create table instance (id text primary key, expires_at timestamptz not null);
create table position_in (
  topic text not null, partition int not null, epoch bigint not null, seq bigint not null, log_offset bigint,
  primary key (topic, partition)
) with (fillfactor = 50);
create table parked (
  id uuid primary key, partition int not null, lead_id uuid not null, topic text not null, epoch bigint not null,
  seq bigint not null, event_id uuid not null, value bytea not null,
  state text not null check (state in ('parked', 'behind', 'released', 'discarded')),
  reason text not null, digest text not null, parked_at timestamptz not null default now(), closed_at timestamptz,
  unique (topic, partition, epoch, seq)
);
create index parked_open on parked (partition, lead_id) where state in ('parked', 'behind');
create table capture_tally (
  partition int not null, minute timestamptz not null, count bigint not null, xor bigint not null,
  primary key (partition, minute)
) with (fillfactor = 50);

-- commands: an id fixed before the first try, kept with its effect
create table command (
  id text primary key, digest bytea, status int not null, answer bytea not null, lead_id uuid,
  kept_at timestamptz not null default now()
);
create index command_kept on command (kept_at);

-- policies: immutable versions; the newest that is in effect is the truth
create table policy (
  kind text not null, version int not null, body jsonb not null, published_by text not null,
  published_at timestamptz not null default now(), effective_from timestamptz not null default now(),
  previous_digest text, digest text not null,
  primary key (kind, version)
);
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
