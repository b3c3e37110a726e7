"""Files and memory stores."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

from definitions import FUTURE, PAST
from qca import APIStatusError, BadRequestError, ConflictError
from watch import Watch, cursors, every_page, missing


def files(watch: Watch, client: Any) -> None:
    with watch.step("uploads"):
        small = client.files.upload(file=("notes.txt", b"Some notes.\n", "text/plain"))
        watch.same((small.type, small.filename, small.size_bytes), ("file", "notes.txt", 12), "an upload")
        watch.same((small.mime_type, small.downloadable, small.scope), ("text/plain", False, None), "an upload")
        whole = client.files.upload(
            file=("data.csv", b"a,b\n1,2\n", "text/csv"),
            name="renamed.csv",
            metadata=json.dumps({"simulate_downloadable": "true", "team": "build"}),
            expires_in_seconds=3600,
        )
        watch.same((whole.filename, whole.metadata.get("team")), ("renamed.csv", "build"), "what was sent")
        watch.expect(whole.expires_at, "an upload that ends has no time of it")
        watch.same(client.files.retrieve_metadata(whole.id).to_dict(), whole.to_dict(), "what was uploaded, retrieved")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "from a path.md"
            path.write_bytes("# Überschrift\n".encode())
            watch.same(client.files.upload(file=path).filename, path.name, "an upload of a path")
            with path.open("rb") as handle:
                watch.same(client.files.upload(file=handle).size_bytes, 15, "an upload of an open file")

    with watch.step("downloads"):
        with client.files.download(whole.id) as download:
            watch.same(download.read(), b"a,b\n1,2\n", "a download")
        with tempfile.TemporaryDirectory() as folder:
            client.files.download(whole.id).write_to_file(Path(folder) / "data.csv")
            watch.same((Path(folder) / "data.csv").read_bytes(), b"a,b\n1,2\n", "a download to a path")
        watch.refused(APIStatusError, lambda: client.files.download(small.id), "a download of what isn't downloadable")

    with watch.step("lists"):
        ids = [file.id for file in client.files.list().data]
        watch.same(len(ids), 4, "the list")
        every_page(watch, "files", client.files.list, ids, 2)
        cursors(watch, "files", client.files.list, ids)
        watch.same([file.id for file in client.files.list(name="notes.txt")], [small.id], "by name")
        watch.same({file.id for file in client.files.list(i_ds=[small.id, whole.id])}, {small.id, whole.id}, "by ids")
        watch.same(client.files.list(scope_id="sess_none").data, [], "of an unknown session")

    with watch.step("refusals"):
        upload = ("a.txt", b"")
        watch.refused(
            BadRequestError, lambda: client.files.upload(file=upload, expires_in_seconds=10), "an end too soon"
        )
        watch.refused(BadRequestError, lambda: client.files.upload(file=upload, metadata="no json"), "metadata")
        watch.refused(
            BadRequestError, lambda: client.files.upload(file=upload, metadata=json.dumps({"a": "x" * 9000})), "9 KB"
        )
        missing(watch, "an unknown file", lambda: client.files.download("file_none"))

    with watch.step("the end of them"):
        gone = client.files.delete(small.id)
        watch.same((gone.id, gone.type), (small.id, "file_deleted"), "a deletion")
        missing(watch, "a deleted one", lambda: client.files.retrieve_metadata(small.id))


def memory_stores(watch: Watch, client: Any) -> None:
    with watch.step("stores"):
        store = client.memory_stores.create(name="notes", description="Of the team", metadata={"a": "1", "b": "2"})
        watch.same((store.type, store.status, store.entry_count), ("memory_store", "active", 0), "a new store")
        watch.same(client.memory_stores.retrieve(store.id).to_dict(), store.to_dict(), "what was created, retrieved")
        updated = client.memory_stores.update(store.id, name="renamed", description="", metadata={"a": None})
        watch.same((updated.name, updated.description, updated.metadata), ("renamed", "", {"b": "2"}), "an update")
        others = [client.memory_stores.create(name="other").id for _ in range(4)]
        ids = [found.id for found in client.memory_stores.list().data]
        watch.same(set(ids), {store.id, *others}, "the list")
        every_page(watch, "stores", client.memory_stores.list, ids, 2)
        watch.same([found.id for found in client.memory_stores.list(name="renamed")], [store.id], "by name")
        watch.same(client.memory_stores.list(created_at_gte=FUTURE).data, [], "those of the future")
        watch.same(len(client.memory_stores.list(created_at_gte=PAST, created_at_lte=FUTURE).data), 5, "by time")
        watch.refused(BadRequestError, lambda: client.memory_stores.create(name="x" * 256), "a long name", "name")

    memories = client.memory_stores.memories
    with watch.step("memories"):
        memory = memories.create(store.id, path="notes/one.md", content="One.", view="full", metadata={"by": "me"})
        sha = hashlib.sha256(b"One.").hexdigest()
        watch.same((memory.type, memory.memory_store_id, memory.path), ("memory", store.id, "notes/one.md"), "a memory")
        watch.same((memory.content, memory.content_size_bytes), ("One.", 4), "the content, with view=full")
        watch.same((memory.content_sha256, memory.metadata), (sha, {"by": "me"}), "the hash, and the metadata")
        basic = memories.create(store.id, path="notes/two.md", content="Two.")
        watch.same(basic.content, None, "the content, without a view")
        watch.same(memories.retrieve(memory.id, memory_store_id=store.id).content, "One.", "the content of one")
        watch.same(
            memories.retrieve(memory.id, memory_store_id=store.id, view="basic").content, None, "one with view=basic"
        )
        watch.refused(
            ConflictError, lambda: memories.create(store.id, path="notes/one.md", content=""), "the path again"
        )
        watch.same(client.memory_stores.retrieve(store.id).entry_count, 2, "how many a store has")

    with watch.step("changes of memories"):
        changed = memories.update(memory.id, memory_store_id=store.id, content="1.", content_sha256=sha, view="full")
        watch.same((changed.content, changed.path), ("1.", "notes/one.md"), "an update")
        watch.expect(changed.memory_version_id != memory.memory_version_id, "an update makes no version")
        precondition = {"type": "content_sha256", "content_sha256": sha}
        watch.refused(
            ConflictError,
            lambda: memories.update(memory.id, memory_store_id=store.id, content="late", precondition=precondition),
            "a stale precondition",
            kind="memory_precondition_failed_error",
        )
        renamed = memories.update(memory.id, memory_store_id=store.id, path="archive/one.md")
        watch.same((renamed.path, renamed.content_sha256), ("archive/one.md", changed.content_sha256), "a new path")
        for path in ("/notes", "../notes", "notes//a", ""):
            watch.refused(BadRequestError, lambda: memories.create(store.id, path=path, content=""), f"path={path!r}")

    with watch.step("lists of memories"):
        for n in range(3):
            memories.create(store.id, path=f"notes/deep/{n}.md", content=str(n))
        listed = [memory.path for memory in memories.list(store.id, limit=2)]
        watch.same(len(listed), 5, f"all memories, of {listed}")
        watch.same(
            [(found.type, found.path) for found in memories.list(store.id, path_prefix="notes/", depth=1)],
            [("memory_prefix", "notes/deep/"), ("memory", "notes/two.md")],
            "one level of a prefix",
        )
        full = memories.list(store.id, view="full", limit=20)
        watch.expect(all(found.content is not None for found in full.data), "a list with view=full has no contents")
        watch.refused(BadRequestError, lambda: memories.list(store.id, view="full", limit=21), "21 with view=full")
        watch.refused(BadRequestError, lambda: memories.list(store.id, path_prefix="notes"), "a prefix without its end")

    versions = client.memory_stores.memory_versions
    with watch.step("versions of memories"):
        gone = memories.delete(basic.id, memory_store_id=store.id, expected_content_sha256=basic.content_sha256)
        watch.same((gone.id, gone.type), (basic.id, "memory_deleted"), "a deletion")
        watch.refused(
            ConflictError,
            lambda: memories.delete(memory.id, memory_store_id=store.id, expected_content_sha256=sha),
            "a deletion of what has changed",
            kind="memory_precondition_failed_error",
        )
        of_one = list(versions.list(store.id, memory_id=memory.id, limit=2))
        watch.same([found.operation for found in of_one], ["modified", "modified", "created"], "the versions of one")
        watch.same([found.memory_id for found in versions.list(store.id, operation="deleted")], [basic.id], "deletions")
        watch.expect(versions.list(store.id, view="full").data[-1].content is not None, "view=full has no content")
        oldest = versions.retrieve(of_one[-1].id, memory_store_id=store.id)
        watch.same((oldest.type, oldest.content), ("memory_version", "One."), "the first version")
        watch.expect(oldest.created_by and oldest.created_by.type.endswith("_actor"), "a version of nobody")
        redacted = versions.redact(oldest.id, memory_store_id=store.id)
        watch.expect(redacted.redacted_at and redacted.redacted_by, "a redaction of nobody, or without a time")
        watch.same(
            (redacted.content, redacted.path, redacted.content_sha256, redacted.content_size_bytes),
            (None, None, None, None),
            "what a redaction leaves",
        )
        watch.same(versions.list(store.id, session_id="sess_none").data, [], "versions of an unknown session")
        watch.same(versions.list(store.id, created_at_gte=FUTURE).data, [], "versions of the future")
        for actor in ({"api_key_id": "none"}, {"service_account_id": "none"}):
            watch.same(versions.list(store.id, **actor).data, [], f"versions of {actor}")

    with watch.step("the end of them"):
        watch.expect(client.memory_stores.archive(store.id).archived_at, "an archived store has no time of it")
        watch.same(client.memory_stores.retrieve(store.id).status, "archived", "the status of an archived store")
        watch.expect(store.id not in [found.id for found in client.memory_stores.list()], "an archived store is listed")
        watch.expect(
            store.id in [found.id for found in client.memory_stores.list(include_archived=True)],
            "an archived store is not listed on request",
        )
        gone = client.memory_stores.delete(store.id)
        watch.same((gone.id, gone.type), (store.id, "memory_store_deleted"), "a deletion of a store")
        missing(watch, "a deleted store", lambda: client.memory_stores.retrieve(store.id))
        missing(watch, "memories of a deleted store", lambda: memories.list(store.id))
