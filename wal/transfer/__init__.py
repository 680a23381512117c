"""How do records get from one log into another?"""

from asteroid_cloud.wal.transfer.log_copy import LogSource, copy_log
from asteroid_cloud.wal.transfer.log_export import LogExport, export_log, import_log

__all__ = [
    "LogExport",
    "LogSource",
    "copy_log",
    "export_log",
    "import_log",
]
