"""What reports read: an index of verdicts and breaches, and spend. The instants of an event stand in its value."""

from alembic import op

revision = "0002_reports"
down_revision = "0001_analytics"
branch_labels = None
depends_on = None

STATEMENTS = (
    "alter table event drop column occurred_at, drop column recorded_at",
    # few events in a hundred, so the others pay next to nothing for it
    "create index event_verdict on event (n) where topic in ('lead.rejected', 'sla.breached', 'sla.revoked')",
    # first_day and last_day bound a day or a whole month
    """
    create table spend (
      key text primary key, first_day date not null, last_day date not null, source text, campaign text,
      kind text not null, amount_minor bigint not null, currency text not null, imported_at timestamptz not null,
      imported_by text not null
    )
    """,
    "create index spend_days on spend (last_day)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
