"""Sessions, their resources, events and threads."""

from __future__ import annotations

from typing import Any

from definitions import FUTURE, PAST
from qca import BadRequestError, ConflictError
from watch import Watch, cursors, every_page, missing


def said(words: str) -> dict[str, Any]:
    return {"type": "user.message", "content": [{"type": "text", "text": words}]}


def until(watch: Watch, stream: Any, kind: str = "session.status_idle") -> list[Any]:
    """The events of a stream up to one of this kind."""
    events = []
    for event in stream:
        watch.look(event, "a stream")
        events.append(event)
        if event.type == kind:
            return events
    watch.disagree(f"a stream ended before {kind}, after {[event.type for event in events]}")
    return events


def parts(client: Any, **agent: Any) -> dict[str, str]:
    """An agent and an environment, as a session is created with them."""
    made = client.agents.create(**({"name": "tester", "model": "ultimate"} | agent))
    return {"agent": made.id, "environment_id": client.environments.create(name="tests").id}


def turn(watch: Watch, client: Any, session: str, *events: dict[str, Any]) -> list[Any]:
    """What a session does when these are sent."""
    with client.sessions.events.stream(session) as stream:
        client.sessions.events.send(session, events=list(events))
        return until(watch, stream)


def resumable(watch: Watch, client: Any) -> None:
    session = client.sessions.create(**parts(client))
    sent = client.sessions.events.send(session.id, events=[said("Hello!")]).data[0]
    stream = client.sessions.events.resumable_stream(session.id, last_event_id=sent.id)
    with stream:
        got = until(watch, stream)
        watch.same(stream.last_event_id, got[-1].id, "the cursor of a resumed stream")
    log = [event.id for event in client.sessions.events.list(session.id)]
    watch.same([event.id for event in got], log[log.index(sent.id) + 1 :], "the events of a resumed stream")


def section(watch: Watch, client: Any) -> None:
    ids = parts(client, system="Be brief.")
    agent, environment = ids["agent"], ids["environment_id"]
    create = client.sessions.create

    with watch.step("a small one"):
        small = create(**ids)
        watch.same((small.type, small.status, small.environment_id), ("session", "idle", environment), "a new one")
        watch.same((small.agent.id, small.agent.version, small.agent.type), (agent, 1, "agent"), "its agent")
        watch.same((small.agent.model.id, small.agent.system), ("ultimate", "Be brief."), "its agent's snapshot")
        watch.same((small.resources, small.vault_ids, small.metadata), ([], [], {}), "lists that weren't sent")
        watch.same((small.environment_variables, small.outcome_evaluations), ({}, []), "what wasn't sent")
        watch.same((small.budget, small.deployment_id, small.archived_at), (None, None, None), "what it lacks")
        watch.expect(small.stats and isinstance(small.stats.active_seconds, float), "it has no stats")

    with watch.step("a whole one"):
        vault = client.vaults.create(display_name="v")
        whole = create(
            agent={"type": "agent", "id": agent, "version": 1},
            environment_id=environment,
            title="Whole",
            environment_variables={"STAGE": "test"},
            budget={"type": "limit", "max_credit_cost": "100.00"},
            metadata={"a": "1", "b": "2"},
            vault_ids=[vault.id],
        )
        watch.same((whole.title, whole.environment_variables), ("Whole", {"STAGE": "test"}), "title and variables")
        watch.same((whole.budget.type, whole.budget.max_credit_cost), ("limit", "100.00"), "the budget")
        watch.same((whole.metadata, whole.vault_ids), ({"a": "1", "b": "2"}, [vault.id]), "metadata and vaults")
        watch.same(client.sessions.retrieve(whole.id).to_dict(), whole.to_dict(), "what was created, retrieved")
        other = create(
            agent={"type": "agent_with_overrides", "id": agent, "system": "Be long.", "model": "auto"},
            environment_id=environment,
        )
        watch.same((other.agent.system, other.agent.model.id), ("Be long.", "auto"), "an agent with overrides")
        first = create(**ids, initial_events=[said("First.")])
        watch.expect(first.id, "a session with events from its start")

    with watch.step("updates"):
        updated = client.sessions.update(
            whole.id,
            title="Renamed",
            metadata={"a": None, "c": "3"},
            budget=None,
            environment_variables={"STAGE": "real"},
            agent={"tools": [{"type": "agent_toolset_20260401"}]},
        )
        watch.same((updated.title, updated.budget), ("Renamed", None), "an update")
        watch.same(updated.metadata, {"b": "2", "c": "3"}, "a patch")
        watch.same(updated.environment_variables, {"STAGE": "real"}, "the variables")
        watch.same([tool.type for tool in updated.agent.tools], ["agent_toolset_20260401"], "the agent's tools")
        watch.same(client.agents.retrieve(agent).tools, [], "the tools of the agent itself")

    with watch.step("lists"):
        create(**ids)
        found = [session.id for session in client.sessions.list().data]
        watch.same(len(found), 5, "the list")
        every_page(watch, "sessions", client.sessions.list, found, 2)
        every_page(watch, "sessions, oldest first", client.sessions.list, found[::-1], 2, order="asc")
        for wanted, filters in (
            (5, {"agent_id": agent}),
            (5, {"agent_id": agent, "agent_version": 1}),
            (0, {"agent_id": agent, "agent_version": 2}),
            (0, {"agent_id": "agent_none"}),
            (0, {"deployment_id": "dep_none"}),
            (0, {"memory_store_id": "memstore_none"}),
            (0, {"statuses": ["terminated"]}),
            (5, {"statuses": ["idle", "running"]}),
            (5, {"created_at_gt": PAST, "created_at_gte": PAST, "created_at_lt": FUTURE, "created_at_lte": FUTURE}),
            (0, {"created_at_gte": FUTURE}),
        ):
            watch.same(len(client.sessions.list(**filters).data), wanted, f"sessions with {filters}")
        watch.refused(BadRequestError, lambda: client.sessions.list(order="sideways"), "order=sideways")

    with watch.step("backwards"):
        # Sessions have pages in both directions, with the same kind of cursor.
        second = client.sessions.list(limit=2).get_next_page()
        watch.same([session.id for session in second.data], found[2:4], "the second page")

    with watch.step("refusals"):
        for what, sent in {
            "an unknown agent": {"agent": "agent_none"},
            "an unknown environment": {"environment_id": "env_none"},
        }.items():
            try:
                create(**(ids | sent))
                watch.disagree(f"{what} is no error")
            except Exception as error:  # noqa: BLE001
                watch.expect(getattr(error, "status_code", 0) in (400, 404), f"{what}: {error}")
        for what, sent in {
            "a reserved variable": {"environment_variables": {"WORK_DIR": "/"}},
            "a variable with a space": {"environment_variables": {"a b": "/"}},
            "a budget that is a number": {"budget": {"type": "limit", "max_credit_cost": 1}},
        }.items():
            watch.refused(BadRequestError, lambda: create(**ids, **sent), what)

    with watch.step("the end of them"):
        canceled = client.sessions.cancel(small.id)
        watch.same((canceled.id, canceled.status), (small.id, "canceling"), "a cancel")
        watch.same(client.sessions.retrieve(small.id).status, "idle", "the status after it")
        watch.expect(client.sessions.archive(small.id).archived_at, "an archived one has no time of it")
        watch.refused(
            ConflictError,
            lambda: client.sessions.events.send(small.id, events=[said("x")]),
            "words for an archived one",
        )
        watch.expect(small.id not in [session.id for session in client.sessions.list()], "an archived one is listed")
        watch.expect(
            small.id in [session.id for session in client.sessions.list(include_archived=True)],
            "an archived one is not listed on request",
        )
        gone = client.sessions.delete(small.id)
        watch.same((gone.id, gone.type), (small.id, "session_deleted"), "a deletion")
        missing(watch, "a deleted one", lambda: client.sessions.retrieve(small.id))


def resources(watch: Watch, client: Any) -> None:
    store = client.memory_stores.create(name="notes", description="Of the team")
    files = [client.files.upload(file=(f"{n}.txt", b"given")) for n in range(3)]
    sent = [
        {"type": "file", "file_id": files[0].id},
        {
            "type": "github_repository",
            "url": "https://github.com/example/one",
            "authorization_token": "s3cr3t",
            "checkout": {"type": "branch", "name": "main"},
        },
        {"type": "git_repository", "url": "https://git.example.com/two.git", "password": "s3cr3t"},
        {"type": "memory_store", "memory_store_id": store.id, "access": "read_only", "instructions": "Read it."},
    ]
    session = client.sessions.create(**parts(client), resources=sent)
    found = client.sessions.resources

    with watch.step("those from the start"):
        watch.same(
            [given.type for given in session.resources], [given["type"] for given in sent], "those of the session"
        )
        file, github, git, memory = session.resources
        watch.same(file.mount_path, f"/mnt/session/uploads/{files[0].id}", "where a file is mounted")
        watch.same((github.checkout.type, github.checkout.name), ("branch", "main"), "the branch")
        watch.same((memory.name, memory.description, memory.access), ("notes", "Of the team", "read_only"), "a store")
        watch.expect(memory.mount_path and git.url, "a store is nowhere, or a repository has no address")
        watch.expect("s3cr3t" not in session.to_json(), "secrets are echoed")
        watch.same(
            [listed.id for listed in client.sessions.list(memory_store_id=store.id)],
            [session.id],
            "sessions of a store",
        )

    with watch.step("changes"):
        added = found.add(session.id, type="file", file_id=files[1].id, mount_path="/data/1.txt")
        watch.same((added.type, added.file_id, added.mount_path), ("file", files[1].id, "/data/1.txt"), "one more")
        watch.expect(added.id.startswith("sesr_"), f"the id of one is {added.id}")
        watch.refused(ConflictError, lambda: found.add(session.id, type="file", file_id=files[1].id), "the same again")
        watch.same(found.retrieve(added.id, session_id=session.id).file_id, files[1].id, "one retrieved")
        for rotated, secret in ((github, {"authorization_token": "n3w"}), (git, {"password": "n3w"})):
            changed = found.update(rotated.id, session_id=session.id, **secret)
            watch.same((changed.id, changed.url), (rotated.id, rotated.url), f"a new secret of a {rotated.type}")
            watch.expect("n3w" not in changed.to_json(), "a new secret is echoed")

    with watch.step("lists"):
        ids = [given.id for given in found.list(session.id).data]
        watch.same(len(ids), 5, "the list")

        def of_session(**filters: Any) -> Any:
            return found.list(session.id, **filters)

        every_page(watch, "resources", of_session, ids, 2)
        cursors(watch, "resources", of_session, ids)

    with watch.step("the end of them"):
        gone = found.delete(added.id, session_id=session.id)
        watch.same((gone.id, gone.type), (added.id, "session_resource_deleted"), "a deletion")
        missing(watch, "a deleted one", lambda: found.retrieve(added.id, session_id=session.id))
        missing(watch, "one of an unknown session", lambda: found.list("sess_none"))


def events(watch: Watch, client: Any) -> None:
    session = client.sessions.create(**parts(client))
    send, log = client.sessions.events.send, client.sessions.events.list

    with watch.step("a turn"):
        with client.sessions.events.stream(session.id) as stream:
            sent = send(session.id, events=[said("Hello!")])
            got = until(watch, stream)
            watch.same(stream.last_event_id, got[-1].id, "the cursor of a stream")
        watch.same(sent.data[0].content[0].text, "Hello!", "what was accepted")
        watch.expect(sent.data[0].id.startswith("evt_"), f"the id of an event is {sent.data[0].id}")
        types = [event.type for event in got]
        for kind in (
            "session.status_running",
            "session.thread_status_running",
            "user.message",
            "span.model_request_start",
            "agent.message",
            "span.model_request_end",
            "session.thread_status_idle",
            "session.usage",
        ):
            watch.expect(kind in types, f"a turn has no {kind}")
        watch.same(got[-1].stop_reason.type, "end_turn", "why it ended")
        answer = next(event for event in got if event.type == "agent.message")
        watch.expect(answer.content[0].type == "text" and answer.processed_at, "an answer has no text, or no time")
        ends = next(event for event in got if event.type == "span.model_request_end")
        starts = next(event for event in got if event.type == "span.model_request_start")
        watch.same(ends.model_request_start_id, starts.id, "the beginning of a request to the model")
        usage = next(event for event in got if event.type == "session.usage")
        watch.expect(usage.total_credits is not None, "usage has no credits")
        watch.expect(client.sessions.retrieve(session.id).usage, "the session has no usage")

    with watch.step("resuming"):
        with client.sessions.events.stream(session.id, last_event_id=sent.data[0].id) as stream:
            rest = until(watch, stream)
        start = [event.id for event in got].index(sent.data[0].id) + 1
        watch.same([event.id for event in rest], [event.id for event in got[start:]], "what follows a cursor")
        watch.refused(
            BadRequestError,
            lambda: client.sessions.events.stream(session.id, last_event_id="evt_none"),
            "no such cursor",
        )

    with watch.step("previews"):
        with client.sessions.events.stream(session.id, event_deltas=["agent.message", "agent.thinking"]) as stream:
            send(session.id, events=[said("Again!")])
            previewed = until(watch, stream)
        begun = [
            event.event.id for event in previewed if event.type == "event_start" and event.event.type == "agent.message"
        ]
        deltas = [event for event in previewed if event.type == "event_delta"]
        whole = [event for event in previewed if event.type == "agent.message"]
        watch.same(begun, [event.id for event in whole], "the beginnings of messages")
        text = "".join(event.delta.content.text for event in deltas if event.event_id == whole[0].id)
        watch.same(text, whole[0].content[0].text, "the parts of a message")

    with watch.step("lists"):
        everything = [event.id for event in log(session.id)]

        def of_session(**filters: Any) -> Any:
            return log(session.id, **filters)

        every_page(watch, "events", of_session, everything, 4)
        every_page(watch, "events, newest first", of_session, everything[::-1], 4, order="desc")
        cursors(watch, "events", of_session, everything)
        watch.same(log(session.id, after_id=everything[-1]).data, [], "what follows the newest")
        watch.same(
            {event.type for event in log(session.id, types=["user.message", "agent.message"])},
            {"user.message", "agent.message"},
            "by type",
        )
        watch.same(log(session.id, created_at_gt=FUTURE).data, [], "events of the future")
        bounds = {"created_at_gt": PAST, "created_at_gte": PAST, "created_at_lt": FUTURE, "created_at_lte": FUTURE}
        watch.expect(log(session.id, **bounds).data, "no events of these years")

    with watch.step("other events"):
        outcome = {
            "type": "user.define_outcome",
            "description": "Good",
            "rubric": {"type": "text", "content": "Is it?"},
        }
        accepted = send(session.id, events=[outcome | {"max_iterations": 2}]).data[0]
        watch.expect(accepted.outcome_id.startswith("outc_"), f"the id of an outcome is {accepted.outcome_id}")
        watch.same((accepted.rubric.content, accepted.max_iterations), ("Is it?", 2), "an outcome")
        send(session.id, events=[{"type": "user.interrupt"}])
        system = {"type": "system.message", "content": [{"type": "text", "text": "Be kind."}]}
        spoken = turn(watch, client, session.id, said("With a system message."), system)
        watch.expect("system.message" in [event.type for event in spoken], "no system message in the stream")
        blocks = [
            {"type": "text", "text": "Look."},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
            {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}, "title": "A"},
        ]
        seen = turn(watch, client, session.id, {"type": "user.message", "content": blocks})
        echo = next(event for event in seen if event.type == "user.message")
        watch.same([block.type for block in echo.content], ["text", "image", "document"], "the blocks of a message")

    with watch.step("refusals"):
        for what, event in {
            "a text for content": {"type": "user.message", "content": "Hello!"},
            "no content": {"type": "user.message", "content": []},
            "an unknown kind": {"type": "user.nothing"},
            "an agent's event": {"type": "agent.message", "content": [{"type": "text", "text": "x"}]},
            "an answer that nobody waits for": {
                "type": "user.tool_confirmation",
                "tool_use_id": "evt_x",
                "result": "allow",
            },
        }.items():
            watch.refused(BadRequestError, lambda: send(session.id, events=[event]), what)
        watch.refused(BadRequestError, lambda: send(session.id, events=[]), "no events", "events")
        missing(watch, "events of an unknown session", lambda: log("sess_none"))
        missing(watch, "words for an unknown session", lambda: send("sess_none", events=[said("x")]))

    with watch.step("confirmations"):
        tool = {"type": "agent_toolset_20260401", "default_config": {"permission_policy": {"type": "always_ask"}}}
        asking = client.sessions.create(**parts(client, tools=[tool]))
        paused = turn(watch, client, asking.id, said("Remove the draft."))
        watch.same(paused[-1].stop_reason.type, "requires_action", "why it paused")
        use = next(event for event in paused if event.type == "agent.tool_use")
        watch.same(paused[-1].stop_reason.event_ids, [use.id], "what it waits for")
        watch.same((use.name, use.evaluated_permission), ("Bash", "ask"), "the use of a tool")
        watch.refused(ConflictError, lambda: send(asking.id, events=[said("Hurry!")]), "words while it waits")
        allowed = {
            "type": "user.tool_confirmation",
            "tool_use_id": use.id,
            "result": "deny",
            "deny_message": "Keep it.",
        }
        rest = turn(watch, client, asking.id, allowed)
        result = next(event for event in rest if event.type == "agent.tool_result")
        watch.same((result.tool_use_id, result.is_error), (use.id, True), "the result of a denied tool")
        watch.same(rest[-1].stop_reason.type, "end_turn", "why it ended")

    with watch.step("tools of the client's own"):
        tool = {"type": "custom", "name": "weather", "description": "Of a place", "input_schema": {"type": "object"}}
        calling = client.sessions.create(**parts(client, tools=[tool]))
        paused = turn(watch, client, calling.id, said("In Paris?"))
        use = next(event for event in paused if event.type == "agent.custom_tool_use")
        watch.same((use.name, isinstance(use.input, dict)), ("weather", True), "the use of a tool")
        content = [{"type": "text", "text": "sunny"}]
        result = {
            "type": "user.custom_tool_result",
            "custom_tool_use_id": use.id,
            "content": content,
            "is_error": False,
        }
        rest = turn(watch, client, calling.id, result)
        answer = next(event for event in rest if event.type == "agent.message")
        watch.expect("sunny" in answer.content[0].text, f"the answer is {answer.content[0].text!r}")

    with watch.step("while it runs"):
        slow = client.sessions.create(**parts(client), metadata={"simulate_words": "400"})
        with client.sessions.events.stream(slow.id, event_deltas=["agent.message"]) as stream:
            send(slow.id, events=[said("Slowly.")])
            until(watch, stream, "event_delta")
            watch.same(client.sessions.retrieve(slow.id).status, "running", "the status of a turn")
            watch.refused(ConflictError, lambda: send(slow.id, events=[said("More!")]), "words while it runs")
            watch.same(client.sessions.cancel(slow.id).status, "canceling", "a cancel")
            watch.same(until(watch, stream)[-1].stop_reason.type, "cancelled", "why it ended")
        watch.same(client.sessions.retrieve(slow.id).status, "idle", "the status after a cancel")


def threads(watch: Watch, client: Any) -> None:
    session = client.sessions.create(**parts(client))
    turn(watch, client, session.id, said("Hello!"))
    found = client.sessions.threads
    own = {"session_id": session.id}
    main = found.list(session.id).data[0]

    with watch.step("the main one"):
        watch.same((main.type, main.session_id, main.parent_thread_id), ("session_thread", session.id, None), "it")
        watch.same((main.agent.id, main.agent.name), (session.agent.id, "tester"), "its agent")
        watch.same((main.status, main.archived_at), ("idle", None), "its status")
        watch.same(found.retrieve(main.id, **own).to_dict(), main.to_dict(), "it, retrieved")
        watch.refused(BadRequestError, lambda: found.archive(main.id, **own), "an archive of the main one")
        missing(watch, "an unknown one", lambda: found.retrieve("sthr_none", **own))

    with watch.step("its events"):
        ids = [event.id for event in found.events.list(main.id, **own)]

        def of_thread(**filters: Any) -> Any:
            return found.events.list(main.id, **own, **filters)

        every_page(watch, "events", of_thread, ids, 3)
        cursors(watch, "events", of_thread, ids)
        with found.events.stream(main.id, **own) as stream:
            client.sessions.events.send(session.id, events=[said("Again!")])
            got = until(watch, stream, "session.thread_status_idle")
        watch.expect("agent.message" in [event.type for event in got], "a thread's stream has no answer")
