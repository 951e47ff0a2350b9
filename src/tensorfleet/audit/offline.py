"""The audit log of a home, without its gateway: for those who do not trust it, or whose platform is down."""

from __future__ import annotations

from pathlib import Path

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.migrate import wait_for_schema
from tensorfleet.adapters.objectstore import open_object_store
from tensorfleet.audit.anchors import ObjectAnchors
from tensorfleet.audit.model import Verdict, derive_keys
from tensorfleet.audit.service import AuditLog
from tensorfleet.audit.store import SqlAuditStore
from tensorfleet.errors import NotFound
from tensorfleet.kit.clock import utc_now
from tensorfleet.settings import TOKEN_FILE, load_settings


def verify_home(home: Path) -> Verdict:
    """Goes through the whole log.

    Raises:
        NotFound: the folder is not the home of a TensorFleet.
        Unavailable: its metadata store or its object store cannot be read.
    """
    token = home / TOKEN_FILE
    if not token.exists():
        raise NotFound(f"{home} is not the home of a TensorFleet: there is no file '{TOKEN_FILE}' in it")
    settings = load_settings(home=home)
    database = Database(settings.database)
    try:
        wait_for_schema(database, timeout_s=1.0)
        anchors = ObjectAnchors(open_object_store(settings.objects))
        keys = derive_keys(token.read_text().strip())
        return AuditLog(SqlAuditStore(database), anchors, keys, utc_now).examine()
    finally:
        database.close()
