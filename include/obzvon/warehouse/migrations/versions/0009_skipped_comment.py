"""What `qa_skipped` counts, said as it is: a call may also wait for the copy of its recording.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

from alembic import op

revision, down_revision, branch_labels, depends_on = "0009", "0008", None, None
COMMENT = "comment on column mart.attempt_daily.qa_skipped is '{}, шт.'"


def upgrade() -> None:
    op.execute(COMMENT.format("Из recorded пропущены по правилу выборки или ждут копии записи"))


def downgrade() -> None:
    op.execute(COMMENT.format("Из recorded пропущены по правилу выборки"))
