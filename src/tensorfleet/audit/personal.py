"""Which fields of an entry are of a person, and how they are kept: sealed with that person's key, before they are chained.

What is hashed is the sealed text.  So an entry still verifies when nothing can read it any more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tensorfleet.audit.model import Draft
from tensorfleet.personal.fields import PersonalFields

OF_ACTOR = ("actor_name", "source")
OF_SUBJECT = ("target", "before", "after")
_ABOUT_PEOPLE = ("user", "member")
_ACCOUNT = "u-"


class Veil:
    """Hides and reveals the personal fields of entries."""

    def __init__(self, fields: PersonalFields, person_of: Callable[[str], str | None]) -> None:
        """`person_of` finds somebody by the name of an account, also of one that is gone."""
        self._fields = fields
        self.person_of = person_of

    def hidden(self, draft: Draft) -> Draft:
        """The entry as it is stored."""
        subject = self._subject(draft)
        owners: dict[str, tuple[str, ...]] = {}
        if is_person(draft.actor_id):
            owners[str(draft.actor_id)] = OF_ACTOR
        elif subject is not None:
            owners[subject] = ("source",)
        if subject is not None:
            owners[subject] = (*owners.get(subject, ()), *OF_SUBJECT)
        sealed = {person: self._sealed(person, draft, names) for person, names in owners.items()}
        if not sealed:
            return draft
        taken: dict[str, Any] = {name: None for names in owners.values() for name in names}
        kept = {person: text for person, text in sealed.items() if text is not None}
        return replace(draft, subject=subject, personal=json.dumps(kept) if kept else None, **taken)

    def revealed(self, drafts: Sequence[Draft]) -> list[Draft]:
        """The entries as people read them; fields of who was erased stay empty."""
        found = [(draft, _sealed_of(draft)) for draft in drafts]
        self._fields.load({person for _, sealed in found for person in sealed})
        return [self._opened(draft, sealed) for draft, sealed in found]

    def _opened(self, draft: Draft, sealed: dict[str, str]) -> Draft:
        texts: dict[str, Any] = {}
        for person, text in sealed.items():
            texts |= self._fields.reveal(person, _where(draft), text)
        return replace(draft, **{name: texts[name] for name in (*OF_ACTOR, *OF_SUBJECT) if name in texts})

    def _subject(self, draft: Draft) -> str | None:
        if draft.target_kind not in _ABOUT_PEOPLE or draft.target is None:
            return None
        return self.person_of(draft.target.rpartition("/")[2])

    def _sealed(self, person: str, draft: Draft, names: Sequence[str]) -> str | None:
        texts = {name: value for name in names if (value := getattr(draft, name)) is not None}
        return self._fields.hide(person, _where(draft), texts)


def is_person(actor_id: str | None) -> bool:
    return actor_id is not None and actor_id.startswith(_ACCOUNT)


def _where(draft: Draft) -> str:
    return f"audit/{draft.id}"


def _sealed_of(draft: Draft) -> dict[str, str]:
    """By person; of what somebody has changed in the database nothing."""
    try:
        found = json.loads(draft.personal or "{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {person: text for person, text in found.items() if isinstance(text, str)}
