"""What is the same for all resources: errors, idempotency, pages, raw answers, the async client."""

from __future__ import annotations

import asyncio
from typing import Any

from qca import AuthenticationError, BadRequestError, ConflictError, NotFoundError
from watch import Watch


def section(watch: Watch, client: Any) -> None:
    with watch.step("errors"):
        watch.refused(NotFoundError, lambda: client.agents.retrieve("agent_none"), "an unknown agent")
        watch.refused(BadRequestError, lambda: client.agents.create(name="", model="ultimate"), "an empty name", "name")
        watch.refused(
            AuthenticationError, lambda: watch.client("sak-key").agents.list(), "a service account's key as a token"
        )
        watch.refused(
            BadRequestError,
            lambda: client.files.list(after_id="a", before_id="b"),
            "two cursors at once",
        )
        for limit in (0, -1, 100_000):
            watch.refused(BadRequestError, lambda: client.agents.list(limit=limit), f"limit={limit}", "limit")

    with watch.step("idempotency"):
        key = {"Idempotency-Key": "11111111-1111-4111-8111-111111111111"}
        first = client.agents.create(name="once", model="ultimate", extra_headers=key)
        second = client.agents.create(name="once", model="ultimate", extra_headers=key)
        watch.same(second.id, first.id, "the same key and body again")
        watch.refused(
            ConflictError,
            lambda: client.agents.create(name="twice", model="ultimate", extra_headers=key),
            "the same key with another body",
        )

    with watch.step("request ids"):
        agent = client.agents.create(name="named", model="ultimate", extra_headers={"x-request-id": "mine-1"})
        watch.same(agent._request_id, "mine-1", "a request id of the client's own")
        watch.expect(client.agents.retrieve(agent.id)._request_id, "an answer without a request id")

    with watch.step("raw answers"):
        raw = client.agents.with_raw_response.retrieve(agent.id)
        watch.same(raw.status_code, 200, "the status of a raw answer")
        watch.same(raw.parse().id, agent.id, "a raw answer, parsed")
        with client.agents.with_streaming_response.retrieve(agent.id) as streamed:
            watch.expect(agent.id in "".join(streamed.iter_lines()), "an answer read line by line")

    with watch.step("a workspace and beta features"):
        client.agents.list(workspace_id="ws_any", betas=["one", "two"])

    with watch.step("the async client"):
        asyncio.run(in_async(watch))


async def in_async(watch: Watch) -> None:
    async with watch.async_client() as client:
        made = [(await client.agents.create(name=f"async {n}", model="ultimate")).id for n in range(5)]
        got = [agent.id async for agent in client.agents.list(limit=2) if agent.name.startswith("async")]
        watch.same(sorted(got), sorted(made), "all items in async")
        environment = await client.environments.create(name="async")
        session = await client.sessions.create(agent=made[0], environment_id=environment.id)
        async with await client.sessions.events.stream(session.id) as stream:
            said = [{"type": "user.message", "content": [{"type": "text", "text": "Hello!"}]}]
            await client.sessions.events.send(session.id, events=said)
            types = []
            async for event in stream:
                types.append(event.type)
                if event.type == "session.status_idle":
                    break
        watch.expect("agent.message" in types, f"no answer in async: {types}")
        try:
            await client.agents.retrieve("agent_none")
            watch.disagree("an unknown agent in async is no error")
        except NotFoundError:
            pass
