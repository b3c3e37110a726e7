"""Models, agents, environments and skills."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime, timedelta, timezone
from typing import Any

from qca import BadRequestError, ConflictError
from watch import Watch, cursors, every_page, missing

FUTURE = datetime.now(timezone.utc) + timedelta(days=365)
PAST = datetime.now(timezone.utc) - timedelta(days=365)


def models(watch: Watch, client: Any) -> None:
    listed = client.models.list()
    watch.expect("ultimate" in [model.id for model in listed], "there is no model ultimate")
    for model in listed.data:
        watch.same(model.type, "model", "the type of a model")
        watch.expect(isinstance(model.price_factor, float), f"{model.id} has no price factor")
        watch.expect(model.display_name, f"{model.id} has no name")


def agents(watch: Watch, client: Any) -> None:
    with watch.step("a small one"):
        small = client.agents.create(name="small", model="ultimate")
        watch.same((small.type, small.version, small.archived_at), ("agent", 1, None), "a new agent")
        watch.same((small.description, small.system), ("", ""), "texts that weren't sent")
        watch.same((small.tools, small.mcp_servers, small.skills), ([], [], []), "lists that weren't sent")
        watch.same((small.metadata, small.multiagent), ({}, None), "metadata and roster that weren't sent")
        watch.same(small.model, "ultimate", "the model")
        watch.expect(small.created_at.tzinfo, "a time without a zone")

    with watch.step("a whole one"):
        skill = client.skills.create(files=[("s/SKILL.md", b"---\nname: s\ndescription: d\n---\n")])
        tools = [
            {
                "type": "agent_toolset_20260401",
                "enabled_tools": ["Bash", "WebFetch"],
                "default_config": {"enabled": True, "permission_policy": {"type": "always_allow"}},
                "configs": [
                    {"name": "bash", "enabled": True, "permission_policy": {"type": "always_ask"}},
                    {"name": "web_fetch", "allowed_domains": ["example.com"], "max_content_tokens": 1000},
                ],
            },
            {"type": "mcp_toolset", "mcp_server_name": "tracker", "configs": [{"name": "find", "enabled": False}]},
            {
                "type": "custom",
                "name": "weather",
                "description": "The weather of a place",
                "input_schema": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
            },
        ]
        server = {"name": "tracker", "type": "url", "url": "https://tracker.example.com/mcp"}
        whole = client.agents.create(
            name="whole",
            model={"id": "ultimate", "effort": "high", "context_window": 200_000},
            description="All of it",
            system="Be brief.",
            tools=tools,
            mcp_servers=[server],
            skills=[{"type": "custom", "skill_id": skill.id, "version": skill.latest_version}],
            metadata={"team": "build", "stage": "test"},
        )
        watch.same(
            (whole.model.id, whole.model.effort, whole.model.context_window), ("ultimate", "high", 200_000), "the model"
        )
        watch.same([tool.type for tool in whole.tools], [tool["type"] for tool in tools], "the tools")
        builtin, mcp, custom = whole.tools
        watch.same(builtin.enabled_tools, ["Bash", "WebFetch"], "the allowed tools")
        watch.same(builtin.configs[0].permission_policy.type, "always_ask", "the policy of a tool")
        watch.same(builtin.default_config.permission_policy.type, "always_allow", "the default policy")
        watch.same(mcp.mcp_server_name, "tracker", "the server of a toolset")
        watch.same((custom.name, custom.input_schema.required), ("weather", ["place"]), "a tool of the client's own")
        watch.same(whole.mcp_servers[0].to_dict(), server, "the server")
        watch.same((whole.skills[0].skill_id, whole.skills[0].version), (skill.id, skill.latest_version), "the skill")
        watch.same(whole.metadata, {"team": "build", "stage": "test"}, "the metadata")
        watch.same(client.agents.retrieve(whole.id).to_dict(), whole.to_dict(), "what was created, retrieved")

    with watch.step("a roster"):
        entries = [{"type": "agent", "id": small.id, "version": 1}, {"type": "self"}]
        team = client.agents.create(
            name="team",
            model="ultimate",
            tools=[{"type": "agent_toolset_20260401"}],
            multiagent={"type": "coordinator", "agents": entries},
        )
        watch.same([entry.type for entry in team.multiagent.agents], ["agent", "self"], "the roster")
        bare = client.agents.update(team.id, version=1, multiagent={"type": "coordinator", "agents": [small.id]})
        watch.same(bare.multiagent.agents[0].id, small.id, "a bare id in a roster")
        watch.same(
            client.agents.update(team.id, version=2, multiagent=None).multiagent, None, "a roster that was cleared"
        )

    with watch.step("updates"):
        updated = client.agents.update(
            whole.id, version=1, description=None, metadata={"team": None, "new": "1"}, tools=[], mcp_servers=[]
        )
        watch.same((updated.version, updated.description, updated.system), (2, "", "Be brief."), "an update")
        watch.same((updated.metadata, updated.tools), ({"stage": "test", "new": "1"}, []), "a patch")
        watch.expect(updated.updated_at > updated.created_at, "an update has no time of its own")
        first = client.agents.retrieve(whole.id, version=1)
        watch.same((first.version, first.description), (1, "All of it"), "an older version")
        watch.refused(ConflictError, lambda: client.agents.update(whole.id, version=1, name="late"), "a stale version")
        watch.refused(BadRequestError, lambda: client.agents.update(whole.id, name="x"), "no version", "version")
        watch.refused(BadRequestError, lambda: client.agents.update(whole.id, version=2, name=None), "no name", "name")
        for n in range(2, 5):
            client.agents.update(whole.id, version=n, system=f"Be {n}.")
        versions = client.agents.versions.list(whole.id, limit=2)
        watch.same([agent.version for agent in versions], [5, 4, 3, 2, 1], "the versions")
        watch.same((versions.first_id, versions.last_id), ("5", "4"), "first_id and last_id of versions")

    with watch.step("lists"):
        ids = [agent.id for agent in client.agents.list().data]
        watch.same(set(ids), {small.id, whole.id, team.id}, "the list")
        every_page(watch, "agents", client.agents.list, ids, 2)
        watch.same(client.agents.list(created_at_gte=FUTURE).data, [], "those of the future")
        watch.same(len(client.agents.list(created_at_gte=PAST, created_at_lte=FUTURE).data), 3, "those of these years")

    with watch.step("refusals"):
        model = "ultimate"
        for what, sent in {
            "an unknown tool": {"tools": [{"type": "agent_toolset_20260401", "enabled_tools": ["Nothing"]}]},
            "a toolset without its server": {"tools": [{"type": "mcp_toolset", "mcp_server_name": "none"}]},
            "an empty roster": {"multiagent": {"type": "coordinator", "agents": []}},
            "a tool with a space": {
                "tools": [{"type": "custom", "name": "a b", "description": "", "input_schema": {"type": "object"}}]
            },
            "the browser without its feature": {"tools": [{"type": "browser_toolset_20260714"}]},
            "17 pairs": {"metadata": {str(n): "" for n in range(17)}},
            "a long system prompt": {"system": "x" * 100_001},
        }.items():
            watch.refused(BadRequestError, lambda: client.agents.create(name="x", model=model, **sent), what)
        browser = client.agents.create(
            name="browser", model=model, tools=[{"type": "browser_toolset_20260714"}], betas=["browser-use-2026-07-14"]
        )
        watch.same(browser.tools[0].type, "browser_toolset_20260714", "the browser with its feature")

    with watch.step("archiving"):
        archived = client.agents.archive(small.id)
        watch.expect(archived.archived_at, "an archived agent has no time of it")
        watch.expect(small.id not in [agent.id for agent in client.agents.list()], "an archived agent is listed")
        watch.expect(
            small.id in [agent.id for agent in client.agents.list(include_archived=True)],
            "an archived agent is not listed on request",
        )
        missing(watch, "archiving an unknown agent", lambda: client.agents.archive("agent_none"))
        missing(watch, "versions of an unknown agent", lambda: client.agents.versions.list("agent_none"))


def environments(watch: Watch, client: Any) -> None:
    with watch.step("a small one"):
        small = client.environments.create(name="small")
        watch.same((small.type, small.config.type), ("environment", "cloud"), "the default")
        watch.same(small.config.networking.type, "limited", "the default network")
        watch.same((small.metadata, small.archived_at), ({}, None), "what wasn't sent")

    with watch.step("a whole one"):
        networking = {
            "type": "limited",
            "allowed_hosts": ["example.com"],
            "allow_package_managers": True,
            "allow_mcp_servers": False,
        }
        whole = client.environments.create(
            name="whole",
            description="All of it",
            config={
                "type": "cloud",
                "networking": networking,
                "packages": {"type": "packages", "pip": ["numpy==2.0"], "apt": ["jq"]},
                "setup_script": "echo ready",
            },
            metadata={"a": "1", "b": "2", "c": "3"},
        )
        watch.same(whole.config.networking.to_dict(), networking, "the network")
        packages = {
            "type": "packages",
            "apt": ["jq"],
            "cargo": [],
            "gem": [],
            "go": [],
            "npm": [],
            "pip": ["numpy==2.0"],
        }
        watch.same(whole.config.packages.to_dict(), packages, "the packages")
        watch.same(whole.config.setup_script, "echo ready", "the script")
        watch.same(client.environments.retrieve(whole.id).to_dict(), whole.to_dict(), "what was created, retrieved")

    with watch.step("updates"):
        updated = client.environments.update(
            whole.id,
            name="renamed",
            description="",
            config={"type": "cloud", "networking": {"type": "unrestricted"}},
            metadata={"a": None, "b": "", "d": "4"},
        )
        watch.same((updated.name, updated.config.networking.type), ("renamed", "unrestricted"), "an update")
        watch.same(updated.config.setup_script, None, "a script that the new configuration lacks")
        watch.same(updated.metadata, {"c": "3", "d": "4"}, "a patch")
        hosted = client.environments.create(name="hosted", config={"type": "self_hosted"})
        watch.same(hosted.config.type, "self_hosted", "one of the client's own")
        for config in ({}, None, {"type": "nothing"}):
            watch.refused(
                BadRequestError, lambda: client.environments.create(name="x", config=config), f"config={config}"
            )

    with watch.step("lists"):
        for n in range(3):
            client.environments.create(name=f"more {n}")
        ids = [environment.id for environment in client.environments.list().data]
        every_page(watch, "environments", client.environments.list, ids, 2)
        watch.same(client.environments.list(created_at_gte=FUTURE).data, [], "those of the future")
        watch.expect(client.environments.list(created_at_lte=FUTURE).data, "none until the future")

    with watch.step("the end of them"):
        agent = client.agents.create(name="user", model="ultimate")
        session = client.sessions.create(agent=agent.id, environment_id=small.id)
        watch.refused(ConflictError, lambda: client.environments.delete(small.id), "deleting one in use")
        client.sessions.delete(session.id)
        watch.refused(ConflictError, lambda: client.environments.delete(small.id), "deleting one of a deleted session")
        watch.expect(client.environments.archive(small.id).archived_at, "an archived one has no time of it")
        watch.expect(small.id not in [found.id for found in client.environments.list()], "an archived one is listed")
        watch.expect(
            small.id in [found.id for found in client.environments.list(include_archived=True)],
            "an archived one is not listed on request",
        )
        watch.refused(
            BadRequestError,
            lambda: client.sessions.create(agent=agent.id, environment_id=small.id),
            "a session in an archived one",
        )
        deleted = client.environments.delete(hosted.id)
        watch.same((deleted.id, deleted.type), (hosted.id, "environment_deleted"), "a deletion")
        missing(watch, "a deleted one", lambda: client.environments.retrieve(hosted.id))


def skill_text(name: str, description: str = "A skill") -> bytes:
    return f"---\nname: {name}\ndescription: {description}\n---\n\nDo it.\n".encode()


def skills(watch: Watch, client: Any) -> None:
    with watch.step("several files"):
        skill = client.skills.create(
            files=[("words/SKILL.md", skill_text("words")), ("words/lists/one.txt", b"one\n", "text/plain")],
            display_title="Words",
            metadata={"team": "build"},
        )
        watch.same((skill.type, skill.source), ("skill", "custom"), "a new skill")
        watch.same((skill.display_title, skill.metadata), ("Words", {"team": "build"}), "what was sent")
        watch.expect(skill.latest_version and skill.latest_version.isdigit(), "the latest version is no number")
        watch.same(client.skills.retrieve(skill.id).to_dict(), skill.to_dict(), "what was created, retrieved")

    with watch.step("an archive"):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("packed/SKILL.md", skill_text("packed"))
        zipped = client.skills.create(files=[("packed.zip", packed.getvalue(), "application/zip")])
        version = client.skills.versions.retrieve(zipped.latest_version, skill_id=zipped.id)
        watch.same((version.name, version.directory), ("packed", "packed"), "the version of an archive")

    with watch.step("versions"):
        for n in range(4):
            made = client.skills.versions.create(
                skill.id, files=[("words/SKILL.md", skill_text("words", f"Number {n}"))]
            )
            watch.same((made.type, made.skill_id, made.name), ("skill_version", skill.id, "words"), "a new version")
            watch.expect(made.id.startswith("skillver_"), f"the id of a version is {made.id}")
        watch.same(client.skills.retrieve(skill.id).latest_version, made.version, "the latest version")
        versions = client.skills.versions.list(skill.id, limit=2)
        watch.same(len(versions.data), 2, "a page of versions")
        everything = [version.version for version in versions]
        watch.same(len(set(everything)), 5, f"all versions, of {everything}")
        again = client.skills.versions.retrieve(made.version, skill_id=skill.id)
        watch.same(again.to_dict(), made.to_dict(), "what was created, retrieved")
        with client.skills.versions.download(skill.latest_version, skill_id=skill.id) as download:
            names = zipfile.ZipFile(io.BytesIO(download.read())).namelist()
        watch.expect(any(name.endswith("lists/one.txt") for name in names), f"the archive has {names}")
        gone = client.skills.versions.delete(skill.latest_version, skill_id=skill.id)
        watch.same((gone.id, gone.type), (skill.latest_version, "skill_version_deleted"), "a deletion of a version")
        missing(
            watch, "a deleted version", lambda: client.skills.versions.retrieve(skill.latest_version, skill_id=skill.id)
        )
        missing(watch, "an unknown version", lambda: client.skills.versions.download("99", skill_id=skill.id))

    with watch.step("lists"):
        for n in range(3):
            client.skills.create(files=[(f"s{n}/SKILL.md", skill_text(f"s{n}"))], display_title=f"S {n}")
        ids = [found.id for found in client.skills.list(source="custom").data]
        watch.same(len(ids), 5, "the skills of one's own")
        every_page(watch, "skills", client.skills.list, ids, 2, source="custom")
        cursors(watch, "skills", client.skills.list, ids, source="custom")
        watch.expect(skill.id not in [found.id for found in client.skills.list(source="qoder")], "source=qoder")
        watch.same([found.id for found in client.skills.list(name="words")], [skill.id], "by name")

    with watch.step("refusals"):
        watch.refused(BadRequestError, lambda: client.skills.create(files=[("a/b.txt", b"")]), "no SKILL.md")
        watch.refused(
            BadRequestError, lambda: client.skills.create(files=[("a/SKILL.md", b"no head")]), "SKILL.md without a head"
        )
        missing(watch, "versions of an unknown skill", lambda: client.skills.versions.list("skill_none"))

    with watch.step("the end of them"):
        gone = client.skills.delete(zipped.id)
        watch.same((gone.id, gone.type), (zipped.id, "skill_deleted"), "a deletion")
        missing(watch, "a deleted one", lambda: client.skills.retrieve(zipped.id))
