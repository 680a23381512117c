"""All routes of a server in one matcher: those of the API, and those of the page that describes it."""

from __future__ import annotations

from asteroid_cloud.api.openapi.swagger_page import ASSETS_ROUTE, PAGE_ROUTES
from asteroid_cloud.api.routes.table import NAMED_ROUTES, ROUTES
from asteroid_cloud.api.routing.matcher import Matcher

SERVED = (*ROUTES, *PAGE_ROUTES)
"""Those that the framework has a handler for."""
ALL_ROUTES = (*SERVED, *NAMED_ROUTES, ASSETS_ROUTE)
MATCHER = Matcher(ALL_ROUTES)
