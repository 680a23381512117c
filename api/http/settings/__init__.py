"""What can be chosen about a server, and where are its settings read from?"""

from asteroid_cloud.api.http.settings.checks import PUBLIC
from asteroid_cloud.api.http.settings.settings import VARIABLE_PREFIX, Settings, variable_of
from asteroid_cloud.api.http.settings.sources import load_settings, unknown_variables
from asteroid_cloud.api.http.settings.units import parse_size

__all__ = [
    "PUBLIC",
    "VARIABLE_PREFIX",
    "Settings",
    "load_settings",
    "parse_size",
    "unknown_variables",
    "variable_of",
]
