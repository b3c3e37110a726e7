"""Walks every managed resource of a simulator with the vendor's own SDK, and says what disagrees.

    python walk.py http://127.0.0.1:8090/api/v1/cloud

`cargo xtask vendor` starts the simulator, gets the SDK and runs this.
"""

from __future__ import annotations

import sys

import definitions
import deployments
import general

import sessions
import stores
import vaults
import work
from watch import Watch


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    watch = Watch(sys.argv[1])
    # The first stream is broken by the simulator, so it is the one that the SDK resumes by itself.
    watch.walk("resumable streams", sessions.resumable)
    watch.walk("general", general.section)
    watch.walk("models", definitions.models)
    watch.walk("agents", definitions.agents)
    watch.walk("environments", definitions.environments)
    watch.walk("skills", definitions.skills)
    watch.walk("files", stores.files)
    watch.walk("memory stores", stores.memory_stores)
    watch.walk("vaults", vaults.section)
    watch.walk("sessions", sessions.section)
    watch.walk("session resources", sessions.resources)
    watch.walk("events", sessions.events)
    watch.walk("threads", sessions.threads)
    watch.walk("deployments", deployments.section)
    watch.walk("dreams", work.dreams)
    watch.walk("work", work.section)
    return watch.report()


if __name__ == "__main__":
    sys.exit(main())
