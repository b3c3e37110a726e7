"""What looks at the vendor's SDK while it is used: its calls are counted, what it answers is
inspected, and every disagreement is written down, so that the walk goes on."""

from __future__ import annotations

import inspect
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
from qca import APIStatusError, NotFoundError
from qca.common._models import BaseModel
from qca.common._resource import SyncAPIResource
from qca.common.pagination import SyncPage
from qca.managed import AsyncManaged, Managed

HERE = Path(__file__).parent

# Members that may be absent from an answer: those that only the SDK's types know, those of former
# generations, and those that come with a feature that is not in use. All other members of these
# types are expected in every answer, if only as null.
MAY_LACK = {
    "Agent": "",
    "Credential": "",
    "CredentialValidation": "",
    "Deployment": "budget",
    "DeploymentRun": "",
    "Dream": "output_behavior",
    "Environment": "scope",
    "FileMetadata": "expires_at status",
    "FileResource": "",
    "Memory": "content",
    "MemoryStore": "",
    "MemoryVersion": "content",
    "ModelInfo": "allowed_fallback_models capabilities created_at max_tokens source efforts "
    "default_effort default_context_window available_context_windows",
    "SelfHostedWork": "secret",
    "SelfHostedWorkHeartbeatResponse": "",
    "SelfHostedWorkQueueStats": "",
    "Session": "usage",
    "SessionAgent": "multiagent",
    "SessionThread": "",
    "Skill": "",
    "SkillVersion": "",
    "Vault": "",
}

# Members that the documents have and the SDK's types lack.
KNOWN_EXTRA = {
    ("MemoryListItemUnion", "metadata"),
    ("ModelInfo", "is_vl"),
    ("SessionAgent", "effective_context_window"),
    ("ModelConfig", "effective_context_window"),
    ("Vault", "credentials"),
}


class Watch:
    """The results of the walk: for each resource its requests and its disagreements."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.section = ""
        self.requests: dict[str, int] = {}
        self.disagreements: dict[str, list[str]] = {}
        self.called: set[str] = set()

    # Clients

    def client(self, token: str | None = None) -> Any:
        """A client of an account of its own, whose answers must fit the SDK's types."""

        def count(_: httpx.Request) -> None:
            self.requests[self.section] += 1

        transport = httpx.Client(event_hooks={"request": [count]}, trust_env=False)
        return Watched(self, "", Managed(http_client=transport, **self._options(token)))

    def async_client(self) -> AsyncManaged:
        async def count(_: httpx.Request) -> None:
            self.requests[self.section] += 1

        transport = httpx.AsyncClient(event_hooks={"request": [count]}, trust_env=False)
        return AsyncManaged(http_client=transport, **self._options(None))

    def _options(self, token: str | None) -> dict[str, Any]:
        return {
            "access_token": token or f"pt-{self.section}",
            "base_url": self.base_url,
            "timeout": 20.0,
            "max_retries": 0,
            "_strict_response_validation": True,
        }

    # Disagreements

    def disagree(self, what: str) -> None:
        found = self.disagreements[self.section]
        if what not in found:
            found.append(what)

    def expect(self, holds: Any, what: str) -> None:
        if not holds:
            self.disagree(what)

    def same(self, got: Any, wanted: Any, what: str) -> None:
        if got != wanted:
            self.disagree(f"{what}: {wanted!r} was expected, and {got!r} came")

    def refused(
        self, error: type[APIStatusError], call: Callable[[], Any], what: str, param: str = "", kind: str = ""
    ) -> None:
        """Expects this error of a call, with the envelope of the documents."""
        try:
            call()
        except error as refusal:
            body = refusal.body if isinstance(refusal.body, dict) else {}
            self.same(body.get("type"), "error", f"{what}: the body's type")
            kinds = {400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error"}
            kinds |= {409: "conflict_error"}
            if kind := kind or kinds.get(refusal.status_code, ""):
                self.same(refusal.type, kind, f"{what}: the error's type")
            self.expect(refusal.request_id, f"{what}: no request id")
            self.expect(body.get("request_id") == refusal.request_id, f"{what}: another request id in the body")
            self.expect((body.get("error") or {}).get("message"), f"{what}: no message")
            if param:
                self.same((body.get("error") or {}).get("param"), param, f"{what}: param")
        except Exception as other:  # noqa: BLE001
            self.disagree(f"{what}: {error.__name__} was expected, and {told(other)} came")
        else:
            self.disagree(f"{what}: {error.__name__} was expected, and it succeeded")

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """What fails in here is a disagreement, and the section goes on."""
        try:
            yield
        except Exception as error:  # noqa: BLE001
            frames = traceback.extract_tb(error.__traceback__)
            where = [f for f in frames if Path(f.filename).parent == HERE and Path(f.filename) != Path(__file__)]
            self.disagree(f"{what}, line {where[-1].lineno if where else '?'}: {told(error)}")

    def walk(self, name: str, section: Callable[[Watch, Any], None]) -> None:
        self.section = name
        self.requests[name] = 0
        self.disagreements[name] = []
        with self.step("it stopped"):
            section(self, self.client())

    # Answers

    def look(self, answer: Any, where: str) -> None:
        """Looks for members that are missing, and for those that the SDK doesn't know."""
        if isinstance(answer, SyncPage):
            # The SDK's page takes any of its members as absent.
            for member in ("has_more", "data"):
                self.expect(member in answer.model_fields_set, f"{where}: the page has no {member}")
            for item in answer.data:
                self.look(item, where)
        elif isinstance(answer, list):
            for item in answer:
                self.look(item, where)
        elif isinstance(answer, BaseModel):
            kind = type(answer).__name__
            if kind in MAY_LACK:
                lacking = set(type(answer).model_fields) - answer.model_fields_set - set(MAY_LACK[kind].split())
                for member in sorted(lacking):
                    self.disagree(f"{where}: {kind} has no {member}")
            for member in answer.model_extra or {}:
                if (kind, member) not in KNOWN_EXTRA:
                    self.disagree(f"{where}: {kind} has {member}, which the SDK doesn't know")
            for member in type(answer).model_fields:
                self.look(getattr(answer, member), where)

    # The end

    def report(self) -> int:
        """Prints what was found, and gives the exit code."""
        width = max(map(len, self.requests))
        print(f"{'resource'.ljust(width)}  requests  disagreements")
        for name, requests in self.requests.items():
            print(f"{name.ljust(width)}  {requests:8}  {len(self.disagreements[name]):13}")
        total = sum(map(len, self.disagreements.values()))
        print(f"{'all'.ljust(width)}  {sum(self.requests.values()):8}  {total:13}")
        operations = set(operations_of(Managed))
        print(f"\n{len(operations & self.called)} of {len(operations)} operations of the SDK were called.")
        for name in sorted(operations - self.called):
            print(f"  not called: {name}")
        for name, found in self.disagreements.items():
            for what in found:
                print(f"  {name}: {what}")
        return 1 if total or operations - self.called else 0


class Watched:
    """A client or resource of the SDK, and of what it has below it."""

    def __init__(self, watch: Watch, path: str, inner: Any) -> None:
        self._watch, self._path, self._inner = watch, path, inner

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._inner, name)
        path = f"{self._path}.{name}".lstrip(".")
        if isinstance(inner, SyncAPIResource):
            return Watched(self._watch, path, inner)
        if not inspect.ismethod(inner) or not isinstance(self._inner, SyncAPIResource):
            return inner

        def call(*args: Any, **kwargs: Any) -> Any:
            self._watch.called.add(path)
            answer = inner(*args, **kwargs)
            self._watch.look(answer, path)
            return answer

        return call


def operations_of(resource: type, path: str = "") -> Iterator[str]:
    """The names of the operations that the SDK has: methods that say which request they make."""
    for name, member in vars(resource).items():
        inner = f"{path}.{name}".lstrip(".")
        if isinstance(member, cached_property):
            kind = member.func.__globals__[inspect.signature(member.func).return_annotation]
            yield from operations_of(kind, inner)
        elif inspect.isfunction(member) and re.search(r"(GET|POST|PUT|DELETE) /", member.__doc__ or ""):
            yield inner


def told(error: Exception) -> str:
    """An error in one line."""
    body = f" {error.body}" if hasattr(error, "body") and not isinstance(error, APIStatusError) else ""
    cause = f" ({error.__cause__})" if error.__cause__ else ""
    return re.sub(r"\s+", " ", f"{type(error).__name__}: {error}{body}{cause}")[:600]


def every_page(
    watch: Watch, what: str, list_: Callable[..., SyncPage], ids: list[str], limit: int, **filters: Any
) -> None:
    """Expects these ids, and no others, of a list whose pages are fetched as they are needed."""
    with watch.step(f"{what}, page by page"):
        first = list_(limit=limit, **filters)
        pages = list(first.iter_pages())
        watch.same([len(page.data) for page in pages[:-1]], [limit] * (len(pages) - 1), f"{what}: whole pages")
        watch.expect(len(pages) > 1, f"{what}: one page of {len(first.data)} for {len(ids)} items with limit={limit}")
        watch.same(pages[-1].has_more, False, f"{what}: has_more of the last page")
        got = [item.id for item in list_(limit=limit, **filters)]
        watch.same(got, ids, f"{what}: all items")
        watch.same(len(set(got)), len(got), f"{what}: each item once")


def cursors(watch: Watch, what: str, list_: Callable[..., SyncPage], ids: list[str], **filters: Any) -> None:
    """Expects what comes after and before an item."""
    with watch.step(f"{what}, by cursors"):
        after = list_(limit=2, after_id=ids[0], **filters)
        watch.same([item.id for item in after.data], ids[1:3], f"{what}: after the first")
        before = list_(limit=2, before_id=ids[2], **filters)
        watch.same([item.id for item in before.data], ids[:2], f"{what}: before the third")


def missing(watch: Watch, what: str, call: Callable[[], Any]) -> None:
    watch.refused(NotFoundError, call, what)


if __name__ == "__main__":
    sys.exit("run walk.py")
