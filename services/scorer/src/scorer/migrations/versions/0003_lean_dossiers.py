"""Dossiers are cheaper to write: no column that nobody asks for."""

from alembic import op

revision = "0003_lean_dossiers"
down_revision = "0002_scorer_backtests"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table dossier drop column scorecard_version")
