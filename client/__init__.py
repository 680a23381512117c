"""The Python clients of an Asteroid server: ``AsyncClient``, and ``Client`` for code that blocks."""

from asteroid_cloud.client.async_client import AsyncClient
from asteroid_cloud.client.blocking_client import Client
from asteroid_cloud.client.errors import (
    AsteroidError,
    Conflict,
    ConnectionFailed,
    DeadlineExceeded,
    InternalError,
    InvalidRequest,
    NotFound,
    Overloaded,
    RateLimited,
    ServerError,
    StorageError,
    TooLarge,
    Unauthorized,
    Unavailable,
    UnexpectedAnswer,
)
from asteroid_cloud.client.filters import Condition, F
from asteroid_cloud.client.results import (
    BulkReport,
    Counted,
    Hit,
    Hits,
    IndexInfo,
    Record,
    Row,
    Stats,
    Written,
)
from asteroid_cloud.client.retry import RetryPolicy
from asteroid_cloud.client.routes import Search

__all__ = [
    "AsteroidError",
    "AsyncClient",
    "BulkReport",
    "Client",
    "Condition",
    "Conflict",
    "ConnectionFailed",
    "Counted",
    "DeadlineExceeded",
    "F",
    "Hit",
    "Hits",
    "IndexInfo",
    "InternalError",
    "InvalidRequest",
    "NotFound",
    "Overloaded",
    "RateLimited",
    "Record",
    "RetryPolicy",
    "Row",
    "Search",
    "ServerError",
    "Stats",
    "StorageError",
    "TooLarge",
    "Unauthorized",
    "Unavailable",
    "UnexpectedAnswer",
    "Written",
]
