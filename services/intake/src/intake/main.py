"""The intake service: every way in, the people behind the submissions, and their personal data."""

import os
from collections.abc import Callable

from fastapi import APIRouter

from intake.api.doors import add_doors
from intake.api.engagements import add_engagements
from intake.api.erasures import add_erasures
from intake.api.health import add_health
from intake.api.imports import add_imports
from intake.api.leads import add_leads
from intake.api.people import add_people
from intake.api.secrets import add_secrets
from intake.api.submissions import add_submissions
from intake.disk import LEAST_FREE_PERCENT, Disk, disk_of
from intake.door_watch import watch_doors
from intake.housekeeping import keep_house
from intake.imports.reader import Reader
from intake.intake import Intake
from intake.policies import definitions
from intake.vault import Vault
from shared.runtime.desk import Desk
from shared.runtime.service import Service
from shared.store.sealing import Seal, keys_of


def service(disk: Disk | None = None, keys: Callable[[], list[str]] | None = None) -> Service:
    """Build the service; its disk and the keys of its secrets are the data directory's unless others are given."""
    environment = os.environ
    if disk is None:
        disk = disk_of(
            environment.get("BATON_DATA_DIR", "data"),
            environment.get("BATON_DISK_FREE_PERCENT", str(LEAST_FREE_PERCENT)),
        )
    intake = Intake(environment.get("BATON_PUBLIC_URL"), disk, Vault(Seal(keys or keys_of(environment))))

    reader = Reader(intake)

    def api(desk: Desk) -> APIRouter:
        intake.desk = desk
        router = APIRouter(tags=["intake"])
        add_doors(router, desk, intake)
        add_leads(router, desk)
        add_people(router, desk, intake)
        add_erasures(router, desk)
        add_imports(router, desk, intake, reader)
        add_engagements(router, desk, intake)
        add_submissions(router, desk)
        add_health(router, desk, intake)
        add_secrets(router, desk, intake)
        return router

    async def group_commit(desk: Desk) -> None:
        await intake.committer.run(desk)

    async def imports(desk: Desk) -> None:
        await reader.run(desk)

    async def answers(desk: Desk) -> None:
        await intake.fetcher.run(desk)

    async def doors_watched(desk: Desk) -> None:
        await watch_doors(desk, intake)

    return Service(
        name="intake",
        package="intake",
        api=api,
        timers=(intake.fetcher.timer(),),
        policies=definitions(intake.find_secret),
        background=(group_commit, imports, keep_house, answers, doors_watched),
        holdings={"leads": "select lead_id as id, lead_id, partition from lead"},
    )
