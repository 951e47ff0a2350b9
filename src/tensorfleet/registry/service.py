"""What users do with models: read them, point aliases at them, register more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict

from tensorfleet.audit.current import note
from tensorfleet.errors import Conflict, InvalidInput, NotFound, nearest
from tensorfleet.kit.clock import Clock, utc_now
from tensorfleet.kit.ids import new_id
from tensorfleet.kit.paging import decode_cursor, encode_cursor
from tensorfleet.registry.candidates import PREFIX_TAG, candidate_of_job, check_prefix, folder_uri
from tensorfleet.registry.card import CARD_FILE, render_card, with_version
from tensorfleet.registry.folders import read_folder
from tensorfleet.registry.model import (
    ANY,
    Candidate,
    Expected,
    IntentKind,
    IntentResult,
    ModelVersion,
    RegisteredModel,
    bare_name,
    check_alias,
    check_model_name,
    registered_name,
    workspace_of_name,
)
from tensorfleet.registry.ports import ModelFolders, RegistryStore

_MOST_CARD_BYTES = 4 * 1024**2


class RegistryService:
    """Reads the projection; leaves changes as intents, which the tracking writer carries out in MLflow.

    Models are called by their registered names, which say the workspace too; see `registered_name`.
    """

    def __init__(
        self,
        store: RegistryStore,
        objects: ModelFolders,
        objects_url: str,
        wake_writer: Callable[[], None],
        clock: Clock = utc_now,
    ) -> None:
        self._store = store
        self._objects = objects
        self._objects_url = objects_url
        self._wake_writer = wake_writer
        self._clock = clock

    def models(
        self, limit: int, cursor: str | None, within: Sequence[str] | None = None
    ) -> tuple[list[RegisteredModel], str | None]:
        """One page of the models of these workspaces (None: of all), and the cursor of the next."""
        after = str(decode_cursor(cursor, 1)[0]) if cursor else None
        found = self._store.models(limit + 1, after, within)
        page = found[:limit]
        return page, encode_cursor([page[-1].name]) if len(found) > limit else None

    def model(self, name: str) -> RegisteredModel:
        """One model.

        Raises:
            NotFound: no version of it was ever registered; says which name is nearest.
        """
        numbers = self._numbers(name)
        aliases = {
            alias: version.version
            for version in self._store.versions(name, len(numbers), None)
            for alias in version.aliases
        }
        newest, oldest = self.version(name, str(numbers[-1])), self.version(name, str(numbers[0]))
        times = (oldest.created_at, newest.created_at)
        return RegisteredModel(name, newest.workspace, numbers[-1], aliases, *times)

    def versions(self, name: str, limit: int, cursor: str | None) -> tuple[list[ModelVersion], str | None]:
        below = decode_cursor(cursor, 1)[0] if cursor else None
        if below is not None and not isinstance(below, int):
            raise InvalidInput("the cursor does not belong to this list; take next_cursor from its last page")
        found = self._store.versions(name, limit + 1, below)
        if not found and below is None:
            self._numbers(name)
        page = found[:limit]
        return page, encode_cursor([page[-1].version]) if len(found) > limit else None

    def version(self, name: str, which: str) -> ModelVersion:
        """A version by its number, by an alias, or the `latest`.

        Raises:
            NotFound: there is no such model or version; says which ones there are.
        """
        numbers = self._numbers(name)
        if which.isascii() and which.isdigit() and len(which) < 10:
            number = int(which)
        elif which == "latest":
            number = numbers[-1]
        else:
            number = self.model(name).aliases.get(which, 0)
        found = self._store.find_version(name, number)
        if found is None:
            raise NotFound(
                f"model '{_bare(name)}' has no version '{which}'; its versions are {_ranges(numbers)}"
            )
        return found

    def card(self, name: str, which: str) -> str:
        """The version's card, as Markdown: the one in its folder, else one from its job.

        Raises:
            NotFound: it has neither.
        """
        version = self.version(name, which)
        prefix = version.tags.get(PREFIX_TAG)
        kept = self._kept_card(prefix) if prefix else None
        if kept is not None:
            return with_version(kept, version)
        job = self._store.find_job(version.job_id) if version.job_id else None
        if job is None:
            raise NotFound(
                f"model '{_bare(name)}' version {version.version} has no card; put a {CARD_FILE} into its folder {version.source}"
            )
        return with_version(render_card(job), version)

    def _kept_card(self, prefix: str) -> str | None:
        data = b""
        try:
            for chunk in self._objects.stream(f"{prefix}/{CARD_FILE}"):
                data += chunk
                if len(data) > _MOST_CARD_BYTES:
                    raise InvalidInput(f"{prefix}/{CARD_FILE} has more than {_MOST_CARD_BYTES:,} bytes")
        except NotFound:
            return None
        return data.decode(errors="replace")

    def set_alias(self, name: str, alias: str, version: int, expected: Expected = ANY) -> ModelVersion:
        """Points the alias at the version, at once for readers of the API, and soon in MLflow.

        Raises:
            PreconditionFailed: it does not point where `expected` says by now.
        """
        check_alias(alias)
        number = self.version(name, str(version)).version
        before = self.model(name).aliases.get(alias)
        self._store.set_alias(name, alias, number, self._clock(), expected=expected)
        self._wake_writer()
        found = self.version(name, str(number))
        note(workspace=found.workspace, before={"version": before}, after={"version": number})
        return found

    def delete_alias(self, name: str, alias: str, expected: Expected = ANY) -> None:
        before = self.alias(name, alias)
        self._store.set_alias(name, alias, None, self._clock(), expected=expected)
        note(before={"version": before}, after={"version": None})
        self._wake_writer()

    def alias(self, name: str, alias: str) -> int:
        """The version that the alias points at.

        Raises:
            NotFound: there is no such alias, or no such model.
        """
        aliases = self.model(name).aliases
        if alias not in aliases:
            raise NotFound(
                f"model '{_bare(name)}' has no alias '{alias[:100]}'; {nearest(alias[:100], aliases)}"
            )
        return aliases[alias]

    def request_job_model(
        self, name: str | None, job_id: str, check: Callable[[str | None], None] = lambda workspace: None
    ) -> tuple[int, Candidate]:
        """Asks for a job's model to be registered, under its own or another name; says the intent's id.

        `check` raises if whoever asks may not do that in the job's workspace; NotFound if it may not know of it.
        """
        if name is not None:
            check_model_name(name)
        job = self._store.find_job(job_id)
        if job is None or not _known(job.workspace, check):
            raise NotFound(f"there is no job '{job_id}'; list them with GET /api/v1/jobs")
        candidate = candidate_of_job(job, self._objects_url, name)
        if candidate is None:
            raise Conflict(
                f"job '{job_id}' left no model to register; choose one that completed, and give a name"
            )
        return self._request(candidate), candidate

    def request_folder(
        self,
        name: str | None,
        prefix: str,
        workspace: str = "default",
        check: Callable[[str | None], None] = lambda workspace: None,
    ) -> tuple[int, Candidate]:
        """Asks for a folder of the object store to be registered.  Reads it all: not for the event loop.

        `check`: as for a job's model; a folder that is of no job is of no workspace either (None).
        """
        registered = registered_name(workspace, check_model_name(name or ""))
        check_prefix(prefix)
        job = self._store.find_job(prefix.split("/")[1])
        if not _known(job.workspace if job else None, check):
            raise NotFound(f"there is no model folder '{prefix[:200]}'")
        folder = read_folder(self._objects, prefix)
        candidate = Candidate(
            name=registered,
            workspace=workspace,
            source=folder_uri(self._objects_url, prefix),
            key={"tensorfleet.request": new_id("r")},
            tags={"tensorfleet.workspace": workspace, PREFIX_TAG: prefix},
            signature=folder.signature,
            files=folder.files,
        )
        return self._request(candidate), candidate

    def registration(self, intent_id: int) -> IntentResult:
        return self._store.intent_result(intent_id)

    def _request(self, candidate: Candidate) -> int:
        intent_id = self._store.request(IntentKind.REGISTER, asdict(candidate), self._clock())
        target = ("model", candidate.name)
        note(
            target=target,
            workspace=candidate.workspace,
            after={"source": candidate.source, "intent": intent_id},
        )
        self._wake_writer()
        return intent_id

    def _numbers(self, name: str) -> list[int]:
        numbers = self._store.version_numbers(name)
        if not numbers:
            workspace, bare = workspace_of_name(name), _bare(name)[:100]
            known = [bare_name(workspace, one) for one in self._store.model_names(workspace)]
            raise NotFound(f"there is no model '{bare}'; {nearest(bare, known)}")
        return numbers


def _known(workspace: str | None, check: Callable[[str | None], None]) -> bool:
    try:
        check(workspace)
    except NotFound:
        return False
    return True


def _bare(registered: str) -> str:
    return bare_name(workspace_of_name(registered), registered)


def _ranges(numbers: list[int]) -> str:
    if len(numbers) > 10 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    shown = ", ".join(str(number) for number in numbers[-10:])
    return shown if len(numbers) <= 10 else f"..., {shown}"
