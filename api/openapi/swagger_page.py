"""Swagger UI, the page that shows the API in a browser, and the description for it; all from this server."""

from __future__ import annotations

from pathlib import Path

import swagger_ui  # type: ignore[import-untyped]  # only for its static files
from litestar import Response, Router
from litestar.static_files import create_static_files_router

from asteroid_cloud.api.openapi.document import encoded
from asteroid_cloud.api.routing.route import Route
from asteroid_cloud.api.wire.media_types import JSON

ASSETS = Path(swagger_ui.__file__).parent / "static"
# Swagger UI draws with inline styles and images in data: addresses; scripts come from files alone.
POLICY = "; ".join(
    [
        "default-src 'self'",
        "img-src 'self' data:",
        "style-src 'self' 'unsafe-inline'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    ]
)
PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Asteroid Cloud: the API</title>
<link rel="icon" href="/docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
# Without a validator's address Swagger UI would send the document's to one on another host.
START = """\
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#page",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  validatorUrl: null,
});
"""


async def openapi() -> Response[bytes]:
    """The description, for programs."""
    return Response(encoded(), media_type=JSON)


async def page() -> Response[str]:
    """The description, for people."""
    headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
    return Response(PAGE, media_type="text/html", headers=headers)


async def start() -> Response[str]:
    """The few lines that start the page; in a file, so that the page needs no script of its own."""
    return Response(START, media_type="text/javascript")


PAGE_PREFIX = "/docs/"
"""Where the parts of the page are."""
PAGE_ROUTES = (
    Route("GET", "/openapi.json", openapi, "", "read", reach="server", public_name="docs"),
    Route("GET", "/docs", page, "", "read", reach="server", public_name="docs"),
    Route("GET", "/docs/start.js", start, "", "read", reach="server", public_name="docs"),
)
"""The routes of the description itself, which does not describe them."""
ASSETS_PATH = f"{PAGE_PREFIX}assets"
ASSETS_ROUTE = Route(
    "GET", f"{ASSETS_PATH}/{{file}}", page, "", "read", reach="server", public_name="docs", is_mounted=True
)
"""The page's files, which the framework serves."""


def assets_router() -> Router:
    """The static files of the page."""
    return create_static_files_router(path=ASSETS_PATH, directories=[ASSETS], include_in_schema=False)
