"""Fewer index entries per lead: an update of a lead's row that moves it between no pools stays on its page."""

from alembic import op

revision = "0004_router_leaner"
down_revision = "0003_router_telling"
branch_labels = None
depends_on = None

# `place` was in the index's condition, so every change of place wrote entries into all of the table's indexes; the
# column `pool` changes only for the few leads that enter or leave a pool that is listed. Two thirds of a page
# are left for the rows of the leads' handoffs, which are twice as long as those of their captures.
# A handoff's tasks are found by its lead's; handoffs lie in the order in which they were offered.
STATEMENTS = """
alter table lead_state drop column owner;
alter table lead_state add column pool text generated always as
  (case when place in ('public', 'nurture', 're-marketing') then place end) stored;
alter table lead_state set (fillfactor = 35);
drop index lead_state_pool;
create index lead_state_pool on lead_state (pool, lead_id) where pool is not null;
drop index task_handoff;
drop index handoff_offered;
create index handoff_offered on handoff using brin (offered_at) with (pages_per_range = 16, autosummarize = on)
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
