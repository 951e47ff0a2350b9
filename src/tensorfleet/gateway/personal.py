"""What is known of people, sealed, over the gateway's database."""

from __future__ import annotations

from tensorfleet.access.ports import AccessStore
from tensorfleet.access.tokens import derive
from tensorfleet.adapters.database import Database
from tensorfleet.audit.personal import Veil
from tensorfleet.kit.clock import utc_now
from tensorfleet.personal.fields import PersonalFields
from tensorfleet.personal.store import SqlPersonStore
from tensorfleet.secrets.envelope import Keyring, key_id


def personal_fields(database: Database, token: str) -> PersonalFields:
    """The people's keys are sealed with one of the home's token, as second factors are: every gateway has that, and without it
    nobody could sign in, and nothing be recorded.
    """
    key = derive(token, b"people's keys")
    ring = Keyring({key_id(key): key}, key_id(key))
    return PersonalFields(SqlPersonStore(database), lambda: ring, derive(token, b"names of people"), utc_now)


def veil_of(access: AccessStore, fields: PersonalFields) -> Veil:
    def person_of(name: str) -> str | None:
        user = access.find_user_by_name(name.strip().lower())
        return user.id if user is not None else fields.former(name)

    return Veil(fields, person_of)
