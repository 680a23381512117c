"""How do records get from one log into another?"""

from asteroid_cloud.wal.transfer.log_copy import LogSource, check_known, copy_log, last_record_until
from asteroid_cloud.wal.transfer.log_export import LogExport, export_log, import_log
from asteroid_cloud.wal.transfer.new_history import STORE_NAME_BYTES, NewHistory, begin_history

__all__ = [
    "STORE_NAME_BYTES",
    "LogExport",
    "LogSource",
    "NewHistory",
    "begin_history",
    "check_known",
    "copy_log",
    "export_log",
    "import_log",
    "last_record_until",
]
