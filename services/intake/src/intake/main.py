"""The intake service: every way in, the people behind the submissions, and their personal data."""

import os

from fastapi import APIRouter

from intake.api.doors import add_doors
from intake.api.engagements import add_engagements
from intake.api.health import add_health
from intake.api.leads import add_leads
from intake.api.submissions import add_submissions
from intake.disk import LEAST_FREE_PERCENT, Disk, disk_of
from intake.housekeeping import keep_house
from intake.intake import Intake
from intake.policies import definitions
from shared.runtime.desk import Desk
from shared.runtime.service import Service


def service(disk: Disk | None = None) -> Service:
    """Build the service; its disk is the data directory's unless another is given."""
    environment = os.environ
    if disk is None:
        disk = disk_of(
            environment.get("BATON_DATA_DIR", "data"),
            environment.get("BATON_DISK_FREE_PERCENT", str(LEAST_FREE_PERCENT)),
        )
    intake = Intake(environment.get("BATON_PUBLIC_URL"), disk)

    def api(desk: Desk) -> APIRouter:
        intake.desk = desk
        router = APIRouter(tags=["intake"])
        add_doors(router, desk, intake)
        add_leads(router, desk)
        add_engagements(router, desk, intake)
        add_submissions(router, desk)
        add_health(router, desk, intake)
        return router

    async def group_commit(desk: Desk) -> None:
        await intake.committer.run(desk)

    def secrets():  # noqa: ANN202 - the type stands at its use
        return intake.desk.secrets if intake.desk is not None else None

    return Service(
        name="intake",
        package="intake",
        api=api,
        policies=definitions(secrets),
        background=(group_commit, keep_house),
        holdings={"leads": "select lead_id as id, lead_id, partition from lead"},
    )
