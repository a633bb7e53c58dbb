"""A small stand-in for Meta's Graph API: it answers for one lead and one form, to whoever holds the token."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from baton.process import QuietServer

LINH_FORM: Final[Mapping[str, Any]] = {
    "id": "700100001", "name": "Form nhà máy", "locale": "vi_VN", "status": "ACTIVE",
    "questions": [
        {"id": "1", "key": "họ_và_tên", "label": "Họ và tên", "type": "FULL_NAME"},
        {"id": "2", "key": "số_điện_thoại", "label": "Số điện thoại", "type": "PHONE"},
        {"id": "3", "key": "email", "label": "Email", "type": "EMAIL"},
        {"id": "4", "key": "công_ty", "label": "Công ty", "type": "COMPANY_NAME"},
        {"id": "5", "key": "chức_vụ", "label": "Chức vụ", "type": "JOB_TITLE"},
        {"id": "6", "key": "ngành_nghề", "label": "Ngành nghề", "type": "CUSTOM",
         "options": [{"key": "sản_xuất", "value": "sản xuất"}, {"key": "bán_lẻ", "value": "bán lẻ"}]},
        {"id": "7", "key": "thời_gian_mua", "label": "Thời gian mua", "type": "CUSTOM",
         "options": [{"key": "trong_1_tháng", "value": "trong 1 tháng"}, {"key": "dài_hạn", "value": "dài hạn"}]},
    ],
}  # fmt: skip
LINH_LEAD: Final[Mapping[str, Any]] = {
    "id": "900100001",
    "ad_id": "600100001", "ad_name": "Video xưởng may", "adset_id": "600200001", "adset_name": "Giám đốc 35-50",
    "campaign_id": "600300001", "campaign_name": "Nhà máy tháng này", "form_id": "700100001", "is_organic": False,
    "platform": "fb",
    "field_data": [
        {"name": "họ_và_tên", "values": ["Nguyễn Thị Linh"]},
        {"name": "số_điện_thoại", "values": ["0912 345 678"]},
        {"name": "email", "values": ["linh@mayphuan.example"]},
        {"name": "công_ty", "values": ["Công ty May Phú An"]},
        {"name": "chức_vụ", "values": ["giám đốc"]},
        {"name": "ngành_nghề", "values": ["sản_xuất"]},
        {"name": "thời_gian_mua", "values": ["trong_1_tháng"]},
    ],
}  # fmt: skip
ANSWERS: Final[Mapping[str, Mapping[str, Any]]] = {"900100001": LINH_LEAD, "700100001": LINH_FORM}


def graph_app(token: str, answers: Mapping[str, Mapping[str, Any]]) -> Starlette:
    """The API: an object by its id, with or without a version before it."""

    async def node(request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {token}":
            return _error(401, 190, "Invalid OAuth access token.")
        found = answers.get(request.path_params["node"])
        if found is None:
            return _error(400, 100, "Unsupported get request. Object does not exist.")
        return JSONResponse(dict(found))

    return Starlette(routes=[Route("/{node:str}", node), Route("/{version:str}/{node:str}", node)])


def _error(status: int, code: int, message: str) -> Response:
    return JSONResponse({"error": {"message": message, "type": "OAuthException", "code": code}}, status)


@asynccontextmanager
async def graph_server(token: str, answers: Mapping[str, Mapping[str, Any]] = ANSWERS) -> AsyncGenerator[str]:
    """Serve it on a free port of this machine; its address."""
    door = socket.create_server(("127.0.0.1", 0))
    server = QuietServer(uvicorn.Config(graph_app(token, answers), log_config=None, lifespan="off", ws="none"))
    serving = asyncio.create_task(server.serve([door]))
    try:
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        door.close()
