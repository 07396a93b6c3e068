"""The tables. Times are seconds since the epoch, UTC."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

__all__ = ["metadata", "table"]

# Names that a migration can refer to, on every database the same.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ID = String(64)

Table(
    "access_state",
    metadata,
    Column("state_id", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
    CheckConstraint("state_id = 1", name="one_row"),
)
Table(
    "folders",
    metadata,
    Column("folder_id", _ID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at_s", Double, nullable=False),
    Column("deleted_at_s", Double),
    Column("sessions_per_s", Integer),
    Column("concurrent_sessions", Integer),
    Column("audio_s_per_day", Integer),
)
Table(
    "accounts",
    metadata,
    Column("account_id", _ID, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("home_folder_id", _ID, ForeignKey("folders.folder_id")),
    Column("name", Text, nullable=False),
    Column("created_at_s", Double, nullable=False),
    Column("disabled", Boolean, nullable=False),
    CheckConstraint("kind IN ('user', 'service')", name="kind"),
    CheckConstraint("(kind = 'service') = (home_folder_id IS NOT NULL)", name="home"),
)
Table(
    "role_bindings",
    metadata,
    Column("folder_id", _ID, ForeignKey("folders.folder_id"), primary_key=True),
    Column("account_id", _ID, ForeignKey("accounts.account_id"), primary_key=True),
    Column("role", String(64), primary_key=True),
)
Table(
    "api_keys",
    metadata,
    Column("key_id", _ID, primary_key=True),
    Column("account_id", _ID, ForeignKey("accounts.account_id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("lookup", String(16), nullable=False, unique=True),
    Column("secret_hash", String(64), nullable=False),
    Column("created_at_s", Double, nullable=False),
    Column("revoked_at_s", Double),
)
Table(
    "authorized_keys",
    metadata,
    Column("key_id", _ID, primary_key=True),
    Column("account_id", _ID, ForeignKey("accounts.account_id"), nullable=False),
    Column("public_key", Text, nullable=False),
    Column("created_at_s", Double, nullable=False),
    Column("revoked_at_s", Double),
)
Table(
    "signing_keys",
    metadata,
    Column("key_id", _ID, primary_key=True),
    Column("public_key", String(64), nullable=False),
    Column("created_at_s", Double, nullable=False),
    Column("revoked_at_s", Double),
)
Table(
    "revoked_tokens",
    metadata,
    Column("token_id", _ID, primary_key=True),
    Column("expires_at_s", Double, nullable=False, index=True),
)
Table(
    "session_leases",
    metadata,
    Column("lease_id", _ID, primary_key=True),
    Column("folder_id", _ID, ForeignKey("folders.folder_id"), nullable=False),
    Column("server_id", _ID, nullable=False),
    Column("started_at_s", Double, nullable=False),
    # A lease counts until then: as running, or, once released, as newly started.
    Column("expires_at_s", Double, nullable=False, index=True),
    Column("released", Boolean, nullable=False),
    Index(None, "folder_id", "expires_at_s"),
)
Table(
    "folder_usage",
    metadata,
    Column("folder_id", _ID, ForeignKey("folders.folder_id"), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("sessions", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("audio_ms", BigInteger, nullable=False),
)
Table(
    "audit_events",
    metadata,
    # SQLite numbers rows by itself only where the type is INTEGER.
    Column("event_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at_s", Double, nullable=False, index=True),
    Column("action", String(64), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("actor", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("folder_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    # A purge must not make the place of an event free for another one.
    sqlite_autoincrement=True,
)


def table(name: str) -> Table:
    """Return the table of this name."""
    return metadata.tables[name]
