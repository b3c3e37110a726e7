"""Deployments and their runs."""

from __future__ import annotations

from typing import Any

from definitions import FUTURE, PAST
from qca import BadRequestError, ConflictError
from watch import Watch, cursors, every_page, missing

HELLO = [{"type": "user.message", "content": [{"type": "text", "text": "Hello!"}]}]


def section(watch: Watch, client: Any) -> None:
    agent = client.agents.create(name="deployed", model="ultimate")
    environment = client.environments.create(name="deployed")

    def create(name: str, **more: Any) -> Any:
        sent = {"agent": agent.id, "environment_id": environment.id, "initial_events": HELLO, "name": name}
        return client.deployments.create(**(sent | more))

    with watch.step("a small one"):
        small = create("small")
        watch.same((small.type, small.status, small.schedule), ("deployment", "active", None), "a new one")
        watch.same((small.agent.id, small.agent.type, small.agent.version), (agent.id, "agent", 1), "its agent")
        watch.same(small.initial_events[0].content[0].text, "Hello!", "its events")
        watch.same((small.resources, small.vault_ids, small.metadata), ([], [], {}), "what wasn't sent")

    with watch.step("a whole one"):
        vault = client.vaults.create(display_name="deployed")
        store = client.memory_stores.create(name="deployed")
        file = client.files.upload(file=("given.txt", b"given"))
        events = [
            {
                "type": "user.define_outcome",
                "description": "Good",
                "rubric": {"type": "text", "content": "Is it?"},
                "max_iterations": 2,
            },
            *HELLO,
            {"type": "system.message", "content": [{"type": "text", "text": "Be kind."}]},
        ]
        schedule = {"type": "cron", "expression": "0 9 * * 1-5", "timezone": "Europe/Berlin"}
        whole = create(
            "whole",
            agent={"type": "agent", "id": agent.id, "version": 1},
            description="All of it",
            environment_variables="STAGE=test;LEVEL=1",
            initial_events=events,
            schedule=schedule,
            budget={"type": "limit", "max_credit_cost": "10.50"},
            resources=[
                {"type": "file", "file_id": file.id, "mount_path": "/data/given.txt"},
                {"type": "github_repository", "url": "https://github.com/example/one", "authorization_token": "s3cr3t"},
                {"type": "memory_store", "memory_store_id": store.id, "access": "read_only"},
            ],
            vault_ids=[vault.id],
            metadata={"a": "1", "b": "2"},
        )
        watch.same([event.type for event in whole.initial_events], [event["type"] for event in events], "the events")
        watch.same(
            (whole.schedule.expression, whole.schedule.timezone), ("0 9 * * 1-5", "Europe/Berlin"), "the schedule"
        )
        watch.expect(whole.schedule.upcoming_runs_at, "the schedule has no times")
        watch.same(whole.budget.max_credit_cost, "10.50", "the budget")
        watch.same(whole.environment_variables, "STAGE=test;LEVEL=1", "the variables")
        watch.same(
            [found.type for found in whole.resources], ["file", "github_repository", "memory_store"], "resources"
        )
        watch.expect("s3cr3t" not in whole.to_json(), "the token of a repository is echoed")
        watch.same(client.deployments.retrieve(whole.id).to_dict(), whole.to_dict(), "what was created, retrieved")

    with watch.step("updates"):
        client.agents.update(agent.id, version=1, system="Be brief.")
        updated = client.deployments.update(
            whole.id, name="renamed", agent=agent.id, schedule=None, budget=None, metadata={"a": None}, resources=[]
        )
        watch.same((updated.name, updated.agent.version, updated.schedule), ("renamed", 2, None), "an update")
        watch.same((updated.budget, updated.metadata, updated.resources), (None, {"b": "2"}, []), "what was cleared")
        watch.same(updated.description, "All of it", "what wasn't sent")
        watch.refused(
            BadRequestError, lambda: client.deployments.update(whole.id, initial_events=[]), "an update without events"
        )
        for what, sent in {
            "no such expression": {"schedule": schedule | {"expression": "every day"}},
            "no such zone": {"schedule": schedule | {"timezone": "Nowhere/Town"}},
            "no events": {"initial_events": []},
            "51 events": {"initial_events": HELLO * 51},
        }.items():
            watch.refused(BadRequestError, lambda: create("x", **sent), what)
        missing(watch, "an unknown deployment", lambda: client.deployments.update("dep_none", name="x"))

    with watch.step("pauses"):
        paused = client.deployments.pause(small.id)
        watch.same((paused.status, paused.paused_reason.type), ("paused", "manual"), "a paused one")
        watch.same(
            [found.id for found in client.deployments.list(status="paused")], [small.id], "those that are paused"
        )
        unpaused = client.deployments.unpause(small.id)
        watch.same((unpaused.status, unpaused.paused_reason), ("active", None), "one that goes on")

    with watch.step("lists"):
        for n in range(3):
            create(f"more {n}")
        ids = [found.id for found in client.deployments.list().data]
        watch.same(len(ids), 5, "the list")
        every_page(watch, "deployments", client.deployments.list, ids, 2)
        cursors(watch, "deployments", client.deployments.list, ids)
        watch.same(len(client.deployments.list(agent_id=agent.id).data), 5, "those of an agent")
        watch.same(client.deployments.list(agent_id="agent_none").data, [], "those of an unknown agent")
        watch.same(client.deployments.list(created_at_gte=FUTURE).data, [], "those of the future")
        watch.same(len(client.deployments.list(created_at_gte=PAST, created_at_lte=FUTURE).data), 5, "by time")
        watch.refused(
            BadRequestError,
            lambda: client.deployments.list(status="active", include_archived=True),
            "a status together with archived ones",
        )

    with watch.step("runs"):
        runs = [client.deployments.run(small.id) for _ in range(5)]
        run = runs[0]
        watch.same((run.type, run.deployment_id, run.error), ("deployment_run", small.id, None), "a run")
        watch.same((run.trigger_context.type, run.agent.id), ("manual", agent.id), "what set it off, and its agent")
        session = client.sessions.retrieve(run.session_id)
        watch.same((session.deployment_id, session.agent.version), (small.id, 1), "its session")
        watch.same(
            [found.id for found in client.sessions.list(deployment_id=small.id, limit=1)],
            [r.session_id for r in runs][::-1],
            "sessions of a deployment",
        )
        said = client.sessions.events.list(run.session_id, types=["user.message"]).data
        watch.same([event.content[0].text for event in said], ["Hello!"], "what its session was told")
        watch.same(
            client.deployments.runs.retrieve(run.id, deployment_id=small.id).to_dict(), run.to_dict(), "one of them"
        )
        watch.same(client.deployment_runs.retrieve(run.id).to_dict(), run.to_dict(), "one of all")
        ids = [found.id for found in client.deployments.runs.list(small.id).data]
        watch.same(set(ids), {run.id for run in runs}, "the runs of a deployment")

        def of_deployment(**filters: Any) -> Any:
            return client.deployments.runs.list(small.id, **filters)

        every_page(watch, "runs", of_deployment, ids, 2)
        cursors(watch, "runs", of_deployment, ids)
        watch.same(len(of_deployment(triggered_after=PAST, triggered_before=FUTURE).data), 5, "runs by time")
        watch.same(of_deployment(triggered_after=FUTURE).data, [], "runs of the future")
        every_page(watch, "all runs", client.deployment_runs.list, ids, 2)
        cursors(watch, "all runs", client.deployment_runs.list, ids)
        everything = client.deployment_runs.list
        for wanted, filters in (
            (5, {"deployment_id": small.id}),
            (0, {"deployment_id": whole.id}),
            (0, {"deployment_id": "dep_none"}),
            (0, {"has_error": True}),
            (5, {"has_error": False}),
            (5, {"trigger_type": "manual"}),
            (0, {"trigger_type": "schedule"}),
            (5, {"created_at_gt": PAST, "created_at_gte": PAST, "created_at_lt": FUTURE, "created_at_lte": FUTURE}),
            (0, {"created_at_gt": FUTURE}),
        ):
            watch.same(len(everything(**filters).data), wanted, f"runs with {filters}")
        missing(watch, "an unknown run", lambda: client.deployment_runs.retrieve("drun_none"))
        client.environments.archive(environment.id)
        failed = client.deployments.run(small.id)
        watch.expect(failed.error and failed.session_id is None, "a run in an archived environment has no error")
        watch.same([found.id for found in everything(has_error=True)], [failed.id], "runs that failed")

    with watch.step("the end of them"):
        archived = client.deployments.archive(small.id)
        watch.expect(archived.archived_at, "an archived one has no time of it")
        watch.expect(archived.name.startswith("small_archived_"), f"the name of an archived one is {archived.name}")
        watch.expect(small.id not in [found.id for found in client.deployments.list()], "an archived one is listed")
        watch.expect(
            small.id in [found.id for found in client.deployments.list(include_archived=True)],
            "an archived one is not listed on request",
        )
        watch.refused(ConflictError, lambda: client.deployments.run(small.id), "a run of an archived one")
