"""The application: routes, errors and docs inside, the gate around them."""

from __future__ import annotations

from litestar import Litestar
from litestar.config.app import AppConfig
from litestar.datastructures import State

from asteroid_cloud.api.embedded.store import Store
from asteroid_cloud.api.http.errors import handle
from asteroid_cloud.api.http.middleware import RequestGuard
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.limits import BULK_BODY_BYTES_MAX
from asteroid_cloud.api.openapi.document import described_handlers
from asteroid_cloud.api.openapi.page import docs_handlers
from asteroid_cloud.api.service.metrics import Metrics


def create_app(settings: Settings, store: Store, metrics: Metrics | None = None) -> RequestGuard:
    """The ASGI application that serves one store."""
    metrics = metrics or Metrics()
    app = Litestar.from_config(
        AppConfig(
            route_handlers=[*described_handlers(), *docs_handlers()],
            exception_handlers={Exception: handle},
            openapi_config=None,  # the description is our own, see ``docs``
            state=State({"store": store, "metrics": metrics}),
            # The gate counts bytes route by route; this is only so that Litestar does not refuse first.
            request_max_body_size=BULK_BODY_BYTES_MAX,
            logging_config=None,
        )
    )
    return RequestGuard(app, settings, metrics)
