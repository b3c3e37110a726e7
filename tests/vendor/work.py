"""Dreams, and the work of environments of the client's own."""

from __future__ import annotations

from typing import Any

from definitions import FUTURE, PAST
from qca import APIStatusError, BadRequestError
from watch import Watch, cursors, every_page, missing

HELLO = [{"type": "user.message", "content": [{"type": "text", "text": "Hello!"}]}]


def dreams(watch: Watch, client: Any) -> None:
    store = client.memory_stores.create(name="dreamt of")
    client.memory_stores.memories.create(store.id, path="one.md", content="One.")
    inputs = [{"type": "memory_store", "memory_store_id": store.id}]

    with watch.step("a new one"):
        dream = client.dreams.create(
            inputs=inputs, model="ultimate", instructions="Be brief.", output_behavior={"type": "create_new"}
        )
        watch.same((dream.type, dream.instructions, dream.error), ("dream", "Be brief.", None), "a new one")
        watch.same(dream.inputs[0].memory_store_id, store.id, "its input")
        watch.same(dream.model.id, "ultimate", "its model")
        watch.expect(dream.status in ("pending", "running"), f"the status of a new one is {dream.status}")
        watch.same(client.dreams.retrieve(dream.id).id, dream.id, "one retrieved")
        updating = client.dreams.create(
            inputs=inputs,
            model={"id": "ultimate"},
            output_behavior={"type": "update_existing", "memory_store_id": store.id},
        )
        watch.expect(updating.id.startswith("drm_"), f"the id is {updating.id}")

    with watch.step("lists"):
        for _ in range(3):
            client.dreams.create(inputs=inputs, model="ultimate")
        ids = [found.id for found in client.dreams.list().data]
        watch.same(len(ids), 5, "the list")
        every_page(watch, "dreams", client.dreams.list, ids, 2)
        watch.same(client.dreams.list(created_at_gt=FUTURE).data, [], "those of the future")
        watch.same(len(client.dreams.list(created_at_gt=PAST, created_at_lt=FUTURE).data), 5, "by time")
        watch.same(client.dreams.list(statuses=["failed"]).data, [], "those that failed")

    with watch.step("the end of them"):
        last = client.dreams.create(inputs=inputs, model="ultimate")
        canceled = client.dreams.cancel(last.id)
        watch.same(canceled.status, "canceled", "the status of a canceled one")
        watch.expect(canceled.ended_at, "a canceled one has no end")
        watch.same([found.id for found in client.dreams.list(statuses=["canceled"])], [last.id], "canceled ones")
        watch.expect(client.dreams.archive(last.id).archived_at, "an archived one has no time of it")
        watch.expect(last.id not in [found.id for found in client.dreams.list()], "an archived one is listed")
        watch.expect(
            last.id in [found.id for found in client.dreams.list(include_archived=True)],
            "an archived one is not listed on request",
        )

    with watch.step("refusals"):
        watch.refused(BadRequestError, lambda: client.dreams.create(inputs=[], model="ultimate"), "no input", "inputs")
        missing(watch, "an unknown one", lambda: client.dreams.retrieve("drm_none"))
        missing(watch, "a cancel of an unknown one", lambda: client.dreams.cancel("drm_none"))


def section(watch: Watch, client: Any) -> None:
    agent = client.agents.create(name="worker", model="ultimate")
    environment = client.environments.create(name="own", config={"type": "self_hosted"})
    queue = client.environments.work
    own = {"environment_id": environment.id}

    with watch.step("an empty queue"):
        watch.same(queue.poll(environment.id), None, "work where there is none")
        watch.same(
            queue.poll(environment.id, block_ms=10, worker_id="w-1"), None, "work where there is none, waited for"
        )
        stats = queue.stats(environment.id)
        watch.same((stats.type, stats.depth, stats.pending), ("work_queue_stats", 0, 0), "an empty queue")
        for wait in (0, 1000):
            watch.refused(BadRequestError, lambda: queue.poll(environment.id, block_ms=wait), f"block_ms={wait}")

    sessions = [client.sessions.create(agent=agent.id, **own) for _ in range(5)]
    for session in sessions:
        client.sessions.events.send(session.id, events=HELLO)

    with watch.step("lists"):
        ids = [found.id for found in queue.list(environment.id).data]
        watch.same(len(ids), 5, "the list")

        def of_environment(**filters: Any) -> Any:
            return queue.list(environment.id, **filters)

        every_page(watch, "work", of_environment, ids, 2)
        cursors(watch, "work", of_environment, ids)
        watch.same(queue.stats(environment.id).depth, 5, "the depth of the queue")

    with watch.step("a lease"):
        work = queue.poll(environment.id, block_ms=500, reclaim_older_than_ms=5000, worker_id="w-1")
        watch.same((work.type, work.environment_id, work.data.type), ("work", environment.id, "session"), "work")
        watch.expect(work.data.id in [session.id for session in sessions], "work of an unknown session")
        acknowledged = queue.ack(work.id, **own)
        watch.same(acknowledged.state, "starting", "the state after ack")
        watch.expect(acknowledged.acknowledged_at, "an acknowledgement without a time")
        first = queue.heartbeat(work.id, **own, expected_last_heartbeat="NO_HEARTBEAT", desired_ttl_seconds=30)
        watch.same((first.type, first.lease_extended, first.ttl_seconds), ("work_heartbeat", True, 30), "a heartbeat")
        second = queue.heartbeat(work.id, **own, expected_last_heartbeat=first.last_heartbeat)
        watch.same((second.lease_extended, second.state), (True, "active"), "a second heartbeat")
        watch.refused(
            APIStatusError,
            lambda: queue.heartbeat(work.id, **own, expected_last_heartbeat="NO_HEARTBEAT"),
            "a heartbeat of one who has lost the lease",
        )
        watch.expect(queue.retrieve(work.id, **own).latest_heartbeat_at, "a heartbeat leaves no time")
        noted = queue.update(work.id, **own, metadata={"host": "a", "zone": "b"})
        watch.same(noted.metadata, {"host": "a", "zone": "b"}, "metadata")
        watch.same(queue.update(work.id, **own, metadata={"zone": None}).metadata, {"host": "a"}, "a patch")

    with watch.step("a stop"):
        stopping = queue.stop(work.id, **own)
        watch.same(stopping.state, "stopping", "the state after a stop")
        watch.expect(stopping.stop_requested_at, "a stop without a time")
        stopped = queue.stop(work.id, **own, force=True)
        watch.expect(stopped.state in ("stopping", "stopped"), f"the state after a forced stop is {stopped.state}")

    with watch.step("refusals"):
        missing(watch, "unknown work", lambda: queue.retrieve("work_none", **own))
        missing(watch, "work of an unknown environment", lambda: queue.poll("env_none"))
        for call in (queue.ack, queue.heartbeat, queue.stop):
            missing(watch, f"{call.__name__} of unknown work", lambda: call("work_none", **own))
