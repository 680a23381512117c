"""What can be set, what is bounded, and what can go wrong? Lists, for the reference pages and the help."""

from asteroid_cloud.api.reference.errors import ErrorInfo, list_errors
from asteroid_cloud.api.reference.limits import LimitInfo, list_limits
from asteroid_cloud.api.reference.settings import SettingInfo, list_settings

__all__ = ["ErrorInfo", "LimitInfo", "SettingInfo", "list_errors", "list_limits", "list_settings"]
