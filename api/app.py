"""The application: routes, errors and docs inside, the gate around them."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import swagger_ui  # type: ignore[import-untyped]  # only for its static files
from litestar import Litestar
from litestar.config.app import AppConfig
from litestar.datastructures import State
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, SwaggerRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.router import Router
from litestar.static_files import create_static_files_router

from asteroid_cloud.api import health
from asteroid_cloud.api.description import describe
from asteroid_cloud.api.errors import handle
from asteroid_cloud.api.gate import Gate
from asteroid_cloud.api.metrics import Metrics
from asteroid_cloud.api.routes import route_handlers
from asteroid_cloud.api.settings import Settings
from asteroid_cloud.api.store import Store
from asteroid_cloud.wal.limits import BULK_BODY_BYTES_MAX

ASSETS = Path(swagger_ui.__file__).parent / "static"


def _docs() -> OpenAPIConfig:
    """/docs and /openapi.json; the page's parts come from this server too."""
    swagger = SwaggerRenderPlugin(
        path="/docs",
        js_url="/docs/assets/swagger-ui-bundle.js",
        css_url="/docs/assets/swagger-ui.css",
        standalone_preset_js_url="/docs/assets/swagger-ui-standalone-preset.js",
        favicon='<link rel="icon" href="/docs/assets/favicon-32x32.png">',
    )
    return OpenAPIConfig(
        title="Asteroid Cloud",
        version=version("asteroid-cloud"),
        description="Vectors and JSON payloads in; nearest neighbours with filters out.",
        openapi_router=Router(path="/", route_handlers=[]),
        render_plugins=[swagger, JsonRenderPlugin(path="/openapi.json")],
        security=[{"bearer": []}],
        components=Components(security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer")}),
    )


def create_app(settings: Settings, store: Store, metrics: Metrics | None = None) -> Gate:
    """The ASGI application that serves one store."""
    metrics = metrics or Metrics()
    assets = create_static_files_router(path="/docs/assets", directories=[ASSETS], include_in_schema=False)
    app = Litestar.from_config(
        AppConfig(
            route_handlers=[health.health, health.ready, health.metrics, assets, *route_handlers()],
            exception_handlers={Exception: handle},
            openapi_config=_docs(),
            state=State({"store": store, "metrics": metrics}),
            # The gate counts bytes route by route; this is only so that Litestar does not refuse first.
            request_max_body_size=BULK_BODY_BYTES_MAX,
            logging_config=None,
        )
    )
    describe(app.openapi_schema)
    return Gate(app, settings, metrics)
