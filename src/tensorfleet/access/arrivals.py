"""From what a provider says of somebody to an account here, with the roles that its groups bring."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tensorfleet.access import claims as said
from tensorfleet.access.model import ROOT_ID, Identity, Role, User
from tensorfleet.access.ports import AccessStore
from tensorfleet.audit.current import note
from tensorfleet.errors import Conflict, NotAuthenticated, NotPermitted
from tensorfleet.kit.ids import new_id
from tensorfleet.settings_access import ProviderSettings

_MOST_NAMESAKES = 100


def arrive(store: AccessStore, settings: ProviderSettings, claims: dict[str, Any], now: datetime) -> User:
    """The account of whom the provider means; its first time makes one, each time renews the provider's roles.

    Raises:
        NotPermitted: not everybody may come in.
        NotAuthenticated: the account is closed.
    """
    identity = Identity(settings.issuer, claims["sub"])
    groups = said.groups_of(claims, settings.groups_claim)
    if groups is None:
        raise NotPermitted(
            f"'{settings.name}' leaves out your groups because they are too many; "
            "have it send only those that are assigned to this application"
        )
    refusal = said.refusal_of(claims, groups, settings.email_domains, settings.required_groups)
    if refusal is not None:
        raise NotPermitted(f"you may not come in from '{settings.name}': {refusal}")
    user = store.find_user_of(identity) or _new_user(store, settings, identity, claims, now)
    note(actor=(user.id, user.name))
    if user.disabled_at is not None:
        raise NotAuthenticated("this account is closed")
    _renew(store, user, said.roles_of(groups, settings.roles), said.verified_email(claims), now)
    return store.find_user(user.id) or user


def _new_user(
    store: AccessStore, settings: ProviderSettings, identity: Identity, claims: dict[str, Any], now: datetime
) -> User:
    if not settings.create_users:
        raise NotPermitted(
            f"there is no account here for '{identity.subject}' of '{settings.name}'; an administrator makes one with "
            f"`tensorfleet users link NAME --provider {settings.name} --subject {identity.subject}`"
        )
    wanted = said.username_of(claims, settings.username_claim)
    for name in (wanted, *(f"{wanted}-{number}" for number in range(2, _MOST_NAMESAKES))):
        # A name says nothing of who it is: whoever has it already stays somebody else.
        if name != ROOT_ID and store.add_user_of(identity, User(new_id("u"), name, now)):
            break
        if (found := store.find_user_of(identity)) is not None:  # this person came in twice at the same time
            return found
    made = store.find_user_of(identity)
    if made is None:
        raise Conflict(f"there are {_MOST_NAMESAKES} users called '{wanted}'")
    return made


def _renew(
    store: AccessStore,
    user: User,
    roles: tuple[Role | None, dict[str, Role]],
    email: str | None,
    now: datetime,
) -> None:
    before = store.memberships(user.id)
    store.set_provided(user.id, *roles, now)
    if email is not None and email != user.email:
        store.change_user(user.id, {"email": email})
    after = store.find_user(user.id)
    note(
        before={"role": user.role, "workspaces": before},
        after={"role": after.role if after else None, "workspaces": store.memberships(user.id)},
    )
