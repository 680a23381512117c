"""The application: the table of routes inside, the middleware around it."""

from __future__ import annotations

from litestar import Litestar
from litestar.config.app import AppConfig
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler

from asteroid_cloud.api.http.all_routes import SERVED
from asteroid_cloud.api.http.exchange.arguments import with_arguments
from asteroid_cloud.api.http.exchange.hot import hot
from asteroid_cloud.api.http.framework_errors import ErrorHandler
from asteroid_cloud.api.http.middleware import RequestGuard
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.limits import BULK_BODY_BYTES_MAX
from asteroid_cloud.api.openapi.swagger_page import assets_router
from asteroid_cloud.api.routes.once.handler import once
from asteroid_cloud.api.routing.route import Route
from asteroid_cloud.api.service.collections import Collections
from asteroid_cloud.api.service.metrics import Metrics


def create_app(settings: Settings, collections: Collections, metrics: Metrics | None = None) -> RequestGuard:
    """The ASGI application that serves the collections."""
    metrics = metrics or Metrics()
    errors = ErrorHandler([settings.data, settings.backup_dir])
    app = Litestar.from_config(
        AppConfig(
            route_handlers=[*(_handler(route) for route in SERVED if not route.is_hot), assets_router()],
            exception_handlers={Exception: errors.handle},
            openapi_config=None,  # the description is our own, see ``openapi``
            state=State({"collections": collections, "metrics": metrics}),
            # The middleware counts bytes route by route; this is only so that Litestar does not refuse first.
            request_max_body_size=BULK_BODY_BYTES_MAX,
            logging_config=None,
        )
    )
    hot_routes = {
        route.framework_path: hot(route.handler)  # type: ignore[arg-type]  # it returns an application
        for route in SERVED
        if route.is_hot
    }
    return RequestGuard(app, settings, metrics, errors, collections, hot_routes)


def _handler(route: Route) -> HTTPRouteHandler:
    """A route as the framework takes it."""
    decorate = HTTPRouteHandler(
        route.framework_path,
        http_method=route.method,  # type: ignore[arg-type]  # the table has the framework's names
        status_code=route.status,
        include_in_schema=False,
    )
    return decorate(with_arguments(once(route)))
