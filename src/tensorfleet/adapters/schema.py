"""The tables of the metadata store.  Statements against them stand in the `store.py` of the slice that owns them."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from tensorfleet.adapters.database import UtcTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only in a column typed exactly INTEGER.
_Serial = BigInteger().with_variant(Integer, "sqlite")

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("workspace", String(100), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("status", String(20), nullable=False),
    Column("reason", Text),
    Column("priority", Integer, nullable=False),  # 0 high, 1 normal, 2 low
    Column("workers", Integer, nullable=False),
    Column("spec", JSON, nullable=False),
    Column(
        "inputs", JSON, nullable=False
    ),  # what names in the spec stood for at submission: dataset version, code digest
    Column("attempt", Integer, nullable=False, default=0),
    Column("failures", Integer, nullable=False, default=0),
    Column("cancel_requested", Boolean, nullable=False, default=False),
    Column("pause_requested", Boolean, nullable=False, default=False),
    Column("stop", JSON),
    Column("not_before", UtcTime),
    Column("progress", Float, nullable=False, default=0.0),
    Column("metrics", JSON, nullable=False),
    Column("result", JSON),
    Column("error", JSON),
    Column("model_version", Integer),
    Column("mlflow_run_id", String(64)),
    Column("idempotency_key", String(200)),
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    Column("revision", Integer, nullable=False, default=0),  # grows by one with each lifecycle write
    Column("losses", Integer, nullable=False, default=0, server_default="0"),  # attempts that the fleet lost
    Column(
        "accumulation", Integer, nullable=False, default=1, server_default="1"
    ),  # micro-batches of a batch
    Column("steps_lost", Integer, nullable=False, default=0, server_default="0"),
    Column("failure", String(20)),  # the class in `error`, where sums are made of it
    Column("algorithm", String(300)),  # these three as in `spec` and `inputs`, to be found by
    Column("dataset", String(200)),
    Column("dataset_version", Integer),
    Column("parent", String(32)),  # the job that it is a fork or a replay of
    UniqueConstraint("workspace", "idempotency_key"),
    Index("ix_jobs_queue", "status", "priority", "created_at"),
    # Reports, searches and counts read no row of these: what stands beside the order comes from the index.
    Index(
        "ix_jobs_created",
        "created_at",
        "id",
        "workspace",
        "kind",
        "started_at",
        "status",
        "name",
        "algorithm",
    ),
    Index("ix_jobs_workspace", "workspace", "created_at", "id"),
    Index(
        "ix_jobs_finished",
        "finished_at",
        "workspace",
        "status",
        "failure",
        "attempt",
        "steps_lost",
        sqlite_where=text("finished_at IS NOT NULL"),
        postgresql_where=text("finished_at IS NOT NULL"),
    ),
    Index(
        "ix_jobs_dataset",
        "workspace",
        "dataset",
        "created_at",
        "dataset_version",
        sqlite_where=text("dataset IS NOT NULL"),
        postgresql_where=text("dataset IS NOT NULL"),
    ),
    Index(
        "ix_jobs_parent",
        "parent",
        sqlite_where=text("parent IS NOT NULL"),
        postgresql_where=text("parent IS NOT NULL"),
    ),
)

attempts = Table(
    "attempts",
    metadata,
    Column("job_id", String(32), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("workers", Integer, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("outcome", String(20)),
    Column("reason", Text),
)

tasks = Table(
    "tasks",
    metadata,
    Column("lease", _Serial, ForeignKey("leases.token", ondelete="CASCADE"), primary_key=True),
    Column("job_id", String(32), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("worker_id", String(64), nullable=False),
    Column("rendezvous", String(300)),
    Column("status", String(20), nullable=False),
    Column("outcome", JSON),
    # How much of the task's own files has been taken over; a report that starts elsewhere is a duplicate or a gap.
    Column("log_offset", BigInteger, nullable=False, default=0),
    Column("record_offset", BigInteger, nullable=False, default=0),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    UniqueConstraint("job_id", "attempt", "rank"),
)

leases = Table(
    "leases",
    metadata,
    Column(
        "token", _Serial, primary_key=True, autoincrement=True
    ),  # fencing token: grows with every lease ever given
    Column("worker_id", String(64), nullable=False),
    Column("job_id", String(32), nullable=False),
    Column("granted_at", UtcTime, nullable=False),
    Column("released_at", UtcTime),
    # The ledger: what was held, and what the time was good for, which is known when the attempt has ended.
    Column("workspace", String(100), nullable=False, server_default="default"),
    Column("cpus", Float, nullable=False, server_default="0"),
    Column("gpus", Float, nullable=False, server_default="0"),
    Column("memory_bytes", BigInteger, nullable=False, server_default="0"),
    Column("idle_s", Float),
    Column("useful_s", Float),
    Column("lost_s", Float),
    Column("hung_s", Float),
    Column("cpu_used_s", Float),
    Column("energy_j", Float),
    Column("energy_how", String(20)),  # measured or estimated
    Column("job_name", String(200)),  # these outlive the job and the worker
    Column("algorithm", String(300)),
    Column("worker_type", String(64)),
    Index("ix_leases_granted", "workspace", "granted_at"),
    Index("ix_leases_job", "job_id"),
    Index("ix_leases_released", "released_at"),
    Index(
        "ix_leases_live",
        "worker_id",
        sqlite_where=text("released_at IS NULL"),
        postgresql_where=text("released_at IS NULL"),
    ),
    sqlite_autoincrement=True,
)

trials = Table(
    "trials",
    metadata,
    Column("study_id", String(32), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("job_id", String(32), nullable=False),  # drawn with the trial: its job is submitted under this id
    Column("params", JSON, nullable=False),
    Column("state", String(20), nullable=False),
    Column("values", JSON),  # one for each objective
    Column("reason", Text),
    Column("notes", JSON, nullable=False),  # what the sampler has to find again
    Column("created_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    UniqueConstraint("job_id"),
)

workers = Table(
    "workers",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("state", String(20), nullable=False),
    Column("slots", Integer, nullable=False),
    Column("resources", JSON, nullable=False),
    Column("stats", JSON, nullable=False),
    Column("joined_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("health", JSON),  # what is known of its machine, and its quarantine
)

worker_usage = Table(
    "worker_usage",
    metadata,
    Column("span_s", Integer, primary_key=True, autoincrement=False),  # 30, kept for a day, or 600
    Column("worker_id", String(64), primary_key=True),  # empty: all together
    Column("at", UtcTime, primary_key=True),
    Column("gpu", Integer, primary_key=True, autoincrement=False),  # its number; -1: the machine
    Column("count", Integer, nullable=False),  # of the samples in these sums
    Column("load_sum", Float, nullable=False),  # of the CPUs or the GPU, in percent
    Column("memory_sum", Float, nullable=False),
    Column("slots_sum", Float, nullable=False),
    Column("busy_sum", Float, nullable=False),
    Column("queued_sum", Float, nullable=False),  # this and the next: of all together
    Column("workers_sum", Float, nullable=False),
    Column("load_max", Float, nullable=False),
    Column("memory_max", Float, nullable=False),
    Column("busy_max", Float, nullable=False),
    Column("queued_max", Float, nullable=False),
    Index("ix_worker_usage_old", "span_s", "at"),
)

datasets = Table(
    "datasets",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("workspace", String(100), primary_key=True),
    Column("description", Text),
    Column("created_at", UtcTime, nullable=False),
)

dataset_versions = Table(
    "dataset_versions",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("workspace", String(100), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("digest", String(80), nullable=False),
    Column("format", String(20), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("columns", JSON, nullable=False),
    Column("profile", JSON, nullable=False),
    Column("target", String(200)),
    Column("source", Text),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("workspace", "name", "digest"),
)

model_versions = Table(
    "model_versions",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("workspace", String(100), nullable=False),
    Column("job_id", String(32)),
    Column("run_id", String(64)),
    Column("source", Text, nullable=False),
    Column("aliases", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("signature", JSON),
    Column(
        "files", JSON, nullable=False
    ),  # [{"path", "bytes", "sha256"}]; empty when another MLflow client registered it
    Column("created_at", UtcTime, nullable=False),
    Index("ix_model_versions_job", "job_id"),
)

events = Table(
    "events",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("job_id", String(32)),
    Column("kind", String(40), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("data", JSON, nullable=False),
    Index("ix_events_job", "job_id", "id"),
    Index("ix_events_job_kind", "job_id", "kind", "id"),
    sqlite_autoincrement=True,
)

# Metrics of the log in columns, to be read fast: made of `events`, and made again if they are deleted.
metric_segments = Table(
    "metric_segments",
    metadata,
    Column("job_id", String(32), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("rank", Integer, primary_key=True, autoincrement=False),
    Column("after", BigInteger, primary_key=True, autoincrement=False),  # entries of the log that it is of
    Column("upto", BigInteger, nullable=False),
    Column("names", Text, nullable=False),
    Column("pieces", LargeBinary, nullable=False),
    Column("thin", LargeBinary, nullable=False),
    Column("whole", LargeBinary, nullable=False),  # the last: SQLite reads a row only as far as it is wanted
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column(
        "topic", String(100), nullable=False
    ),  # who has to act: `orchestrator`, `agent:<worker>` or `registry`
    Column("kind", String(40), nullable=False),
    Column("ref", String(64)),  # what it is about (a lease token, a job id), to mark it done without its id
    Column("data", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("done_at", UtcTime),
    Index(
        "ix_outbox_open",
        "topic",
        "id",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
    sqlite_autoincrement=True,
)

leadership = Table(
    "leadership",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("holder", String(300), nullable=False),
    Column(
        "term", BigInteger, nullable=False
    ),  # grows with every change of the holder: the fence of its writes
    Column("expires_at", UtcTime, nullable=False),  # by the database's clock
)

conditions = Table(
    "conditions",
    metadata,
    Column(
        "name", String(40), primary_key=True
    ),  # the part that the process which watches it tells the others about
    Column("status", String(20), nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("detail", Text),
    Column("next_try_at", UtcTime),
)

cursors = Table(
    "cursors",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("position", BigInteger, nullable=False),
)

scaling = Table(
    "scaling",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("memory", JSON, nullable=False),  # what the next decision has to know of those before it
    Column("state", JSON, nullable=False),  # the latest decision, for those who ask
)

users = Table(
    "users",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("email", String(320)),
    Column("role", String(20)),  # held in every workspace; null: only in those of `memberships`
    Column("is_service", Boolean, nullable=False, default=False),
    Column("password_hash", String(300)),
    Column("totp_secret", String(300)),  # sealed
    Column("totp_step", BigInteger),  # of the last code that was taken: each is good for one sign-in
    Column("created_at", UtcTime, nullable=False),
    Column("disabled_at", UtcTime),
    Column("last_login_at", UtcTime),
    Column("role_given_by", String(20)),  # as in `memberships`
    Column("personal", Text),  # the address, sealed; `email` is of earlier versions
)

persons = Table(
    "persons",
    metadata,
    Column("id", String(32), primary_key=True),  # of the account, which may be gone
    Column("key", Text),  # sealed; null: erased, and what was sealed with it with it
    Column("name_mark", String(64)),  # an HMAC of the name that a deleted account had
    Column("created_at", UtcTime, nullable=False),
    Column("erased_at", UtcTime),
    Index("ix_persons_name", "name_mark"),
)

identities = Table(
    "identities",
    metadata,
    Column("issuer", String(300), primary_key=True),  # of an OpenID provider
    Column("subject", String(300), primary_key=True),  # whom it means; a name or an address may change hands
    Column("user_id", String(32), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

workspaces = Table(
    "workspaces",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("description", Text),
    Column("created_at", UtcTime, nullable=False),
)

workspace_quotas = Table(
    "workspace_quotas",
    metadata,
    Column("workspace", String(100), primary_key=True),
    Column("limits", JSON, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
)

memberships = Table(
    "memberships",
    metadata,
    Column("workspace", String(100), ForeignKey("workspaces.name", ondelete="CASCADE"), primary_key=True),
    Column("user_id", String(32), ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("role", String(20), nullable=False),
    Column(
        "given_by", String(20), nullable=False
    ),  # `person`, or `provider`: taken back when its groups change
    Index("ix_memberships_user", "user_id"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("user_id", String(32), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(100), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("workspace", String(100)),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("last_used_at", UtcTime),
    Column("revoked_at", UtcTime),
    Index("ix_api_keys_user", "user_id"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("user_id", String(32), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("serial", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("refreshed_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
    Column("revoked_why", String(100)),
    Column("client", String(300)),
    Column("ends_at", UtcTime),  # however often it is refreshed; null: only when it is not
    Column("personal", Text),  # what signed in, sealed; `client` is of earlier versions
    Column("key_id", String(32)),  # of the key that it was begun with
    Index("ix_sessions_user", "user_id"),
    Index("ix_sessions_expires", "expires_at"),
)

sign_in_codes = Table(
    "sign_in_codes",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("session_id", String(32), ForeignKey("sessions.id", ondelete="CASCADE")),
    Column("challenge", String(64), nullable=False),  # S256 of what whoever brings the code has to know
    Column("redirect_uri", String(200), nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("key_id", String(32), ForeignKey("api_keys.id", ondelete="CASCADE")),
)

secrets = Table(
    "secrets",
    metadata,
    Column("workspace", String(100), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("sealed", Text, nullable=False),  # bound to the three before it
    Column("key", String(16), nullable=False),  # the id of the key that it is sealed with
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", String(100), nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("updated_by", String(100), nullable=False),
    Column("last_used_at", UtcTime),
)

sealing_keys = Table(
    "sealing_keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("noted_at", UtcTime, nullable=False),  # the newest is what the platform seals with
)

sla_uptime = Table(
    "sla_uptime",
    metadata,
    Column("began_at", UtcTime, primary_key=True),
    Column("ended_at", UtcTime, nullable=False),
    Column("up", Boolean, nullable=False),  # what no row covers, nobody knows
    Index("ix_sla_uptime_ended", "ended_at"),
)

sla_answers = Table(
    "sla_answers",
    metadata,
    Column("span_s", Integer, primary_key=True),  # 60, kept for a day, or 3600
    Column("at", UtcTime, primary_key=True),
    Column("route", String(20), primary_key=True),  # the class of the request
    Column("edge_us", BigInteger, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("errors", BigInteger, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),  # the place in the chain, without gaps
    Column("id", String(32), nullable=False, unique=True),
    Column("at", BigInteger, nullable=False),  # microseconds since 1970: what is hashed, as it is
    Column("action", String(60), nullable=False),
    Column("actor_id", String(64)),
    Column("actor_name", String(200)),
    Column("via", String(20)),
    Column("credential", String(64)),
    Column("source", String(64)),
    Column("target_kind", String(30)),
    Column("target", String(600)),
    Column("workspace", String(100)),
    Column("outcome", Integer),  # null: the gateway ended before it answered
    Column("count", Integer, nullable=False),
    Column("before", Text),  # JSON, but hashed as text
    Column("after", Text),
    Column("trace_id", String(32)),
    Column("hash", String(64), nullable=False),
    Column("subject", String(64)),
    Column("personal", Text),  # what is of people, sealed, by person
    Index("ix_audit_at", "at"),
    Index("ix_audit_target", "target", "seq"),
    Index("ix_audit_workspace", "workspace", "seq"),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("workspace", String(100), nullable=False),
    Column("url", Text, nullable=False),  # sealed, as the two below: it may hold a secret
    Column("secret", Text, nullable=False),
    Column("old_secret", Text),
    Column("old_until", UtcTime),
    Column("events", JSON, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("description", Text),
    Column("after", BigInteger, nullable=False),  # entries of the event log up to this one are not told
    Column("failing_since", UtcTime),
    Column("disabled_at", UtcTime),
    Column("disabled_why", Text),
    Column("created_at", UtcTime, nullable=False),
    Index("ix_webhooks_workspace", "workspace"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("webhook_id", String(32), ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("type", String(40), nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("status", Integer),
    Column("error", Text),
    Index("ix_webhook_deliveries_hook", "webhook_id", "created_at", "id"),
    Index("ix_webhook_deliveries_finished", "finished_at"),
    Index(
        "ix_webhook_deliveries_due",
        "webhook_id",
        "next_try_at",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
)
