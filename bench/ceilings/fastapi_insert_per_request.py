"""Ceiling: the usual way to build it: FastAPI, a pydantic model, a pool, one INSERT and commit per request."""

import os
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
from fastapi import FastAPI
from harness import LEAD_TABLE, arguments, fresh_table, http_ceiling
from pydantic import BaseModel

TABLE = "ceiling_insert"


class Lead(BaseModel):
    submission_id: str
    submitted_at: str
    first_name: str
    last_name: str
    email: str
    phone: str
    company: str
    job_title: str
    industry: str
    company_size: str
    budget: str
    timeline: str
    message: str
    utm_source: str
    utm_medium: str
    utm_campaign: str
    utm_term: str
    gclid: str
    landing_page: str


class Accepted(BaseModel):
    status: str
    id: uuid.UUID


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    url = os.environ["CEILING_POSTGRES"]
    await fresh_table(url, TABLE, LEAD_TABLE)
    async with asyncpg.create_pool(url, min_size=16, max_size=16) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/leads", status_code=202)
async def accept(lead: Lead) -> Accepted:
    identifier = uuid.uuid4()
    insert = f"INSERT INTO {TABLE} (id, email, body) VALUES ($1, $2, $3)"
    await app.state.pool.execute(insert, identifier, lead.email, lead.model_dump_json())
    return Accepted(status="accepted", id=identifier)


if __name__ == "__main__":
    http_ceiling("fastapi_insert_per_request", arguments().parse_args())
