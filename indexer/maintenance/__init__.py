"""What happens in the background, so that segments stay few and memory bounded?"""

from asteroid_cloud.indexer.maintenance.worker_thread import lower_priority

__all__ = ["lower_priority"]
