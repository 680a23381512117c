"""What is this folder: a store, a backup, or half of one; and who may enter it?"""

from asteroid_cloud.wal.store.access import StoreAccess, enter, enter_collection, look, look_beside, peek
from asteroid_cloud.wal.store.kind import FolderKind, kind_of, refusal, refuse_linked_parts
from asteroid_cloud.wal.store.new_folder import new_folder
from asteroid_cloud.wal.store.swap import finish_swap, is_interrupted, replace_index

__all__ = [
    "FolderKind",
    "StoreAccess",
    "enter",
    "enter_collection",
    "finish_swap",
    "is_interrupted",
    "kind_of",
    "look",
    "look_beside",
    "new_folder",
    "peek",
    "refusal",
    "refuse_linked_parts",
    "replace_index",
]
