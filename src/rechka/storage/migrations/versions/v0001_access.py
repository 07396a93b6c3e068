"""The tables of access: who may, what was used, and what was done."""

import sqlalchemy as sa
from alembic import op

revision = "0001_access"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and the one row of the state."""
    _create_directory()
    _create_credentials()
    _create_metering()
    _create_audit()
    op.execute("INSERT INTO access_state (state_id, revision) VALUES (1, 1)")


def _create_directory() -> None:
    """Folders, accounts and roles."""
    op.create_table(
        "access_state",
        sa.Column("state_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state_id = 1", name=op.f("ck_access_state_one_row")),
        sa.PrimaryKeyConstraint("state_id", name=op.f("pk_access_state")),
    )
    op.create_table(
        "folders",
        sa.Column("folder_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at_s", sa.Double(), nullable=False),
        sa.Column("deleted_at_s", sa.Double(), nullable=True),
        sa.Column("sessions_per_s", sa.Integer(), nullable=True),
        sa.Column("concurrent_sessions", sa.Integer(), nullable=True),
        sa.Column("audio_s_per_day", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("folder_id", name=op.f("pk_folders")),
    )
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("home_folder_id", sa.String(length=64), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at_s", sa.Double(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'service') = (home_folder_id IS NOT NULL)", name=op.f("ck_accounts_home")
        ),
        sa.CheckConstraint("kind IN ('user', 'service')", name=op.f("ck_accounts_kind")),
        sa.ForeignKeyConstraint(
            ["home_folder_id"], ["folders.folder_id"], name=op.f("fk_accounts_home_folder_id")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_accounts")),
    )
    op.create_table(
        "role_bindings",
        sa.Column("folder_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_role_bindings_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["folder_id"], ["folders.folder_id"], name=op.f("fk_role_bindings_folder_id")
        ),
        sa.PrimaryKeyConstraint("folder_id", "account_id", "role", name=op.f("pk_role_bindings")),
    )


def _create_credentials() -> None:
    """Keys, and the tokens that are refused."""
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("lookup", sa.String(length=16), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at_s", sa.Double(), nullable=False),
        sa.Column("revoked_at_s", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_api_keys_account_id")
        ),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("lookup", name=op.f("uq_api_keys_lookup")),
    )
    op.create_table(
        "authorized_keys",
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("created_at_s", sa.Double(), nullable=False),
        sa.Column("revoked_at_s", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_authorized_keys_account_id")
        ),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_authorized_keys")),
    )
    op.create_table(
        "signing_keys",
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("created_at_s", sa.Double(), nullable=False),
        sa.Column("revoked_at_s", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_signing_keys")),
    )
    op.create_table(
        "revoked_tokens",
        sa.Column("token_id", sa.String(length=64), nullable=False),
        sa.Column("expires_at_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("token_id", name=op.f("pk_revoked_tokens")),
    )
    op.create_index(
        op.f("ix_revoked_tokens_expires_at_s"), "revoked_tokens", ["expires_at_s"], unique=False
    )


def _create_metering() -> None:
    """Leases of running sessions, and usage."""
    op.create_table(
        "session_leases",
        sa.Column("lease_id", sa.String(length=64), nullable=False),
        sa.Column("folder_id", sa.String(length=64), nullable=False),
        sa.Column("server_id", sa.String(length=64), nullable=False),
        sa.Column("started_at_s", sa.Double(), nullable=False),
        sa.Column("expires_at_s", sa.Double(), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["folder_id"], ["folders.folder_id"], name=op.f("fk_session_leases_folder_id")
        ),
        sa.PrimaryKeyConstraint("lease_id", name=op.f("pk_session_leases")),
    )
    op.create_index(
        op.f("ix_session_leases_expires_at_s"), "session_leases", ["expires_at_s"], unique=False
    )
    op.create_index(
        op.f("ix_session_leases_folder_id_expires_at_s"),
        "session_leases",
        ["folder_id", "expires_at_s"],
        unique=False,
    )
    op.create_table(
        "folder_usage",
        sa.Column("folder_id", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("sessions", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.Column("audio_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["folder_id"], ["folders.folder_id"], name=op.f("fk_folder_usage_folder_id")
        ),
        sa.PrimaryKeyConstraint("folder_id", "day", name=op.f("pk_folder_usage")),
    )


def _create_audit() -> None:
    """The audit trail."""
    op.create_table(
        "audit_events",
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at_s", sa.Double(), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("folder_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_audit_events")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_audit_events_at_s"), "audit_events", ["at_s"], unique=False)
