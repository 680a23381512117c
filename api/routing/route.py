"""What a route is: where it stands, who may call it, how large its body may be, and who answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Literal

from asteroid_cloud.api.limits import BODY_BYTES_MAX

API = "/v1"
"""Where all that answers for a store stands."""
COLLECTION = "collection"
"""The parameter that names the collection, or an alias of it."""
ALIAS = "alias"
NAMED = f"{API}/collections/{{{COLLECTION}}}"
"""Where the routes of one collection stand once more."""
DEFAULT_NAME = "default"
"""The collection that paths without a name speak of."""
PARAMETER = re.compile(r"\{(\w+)\}")

Handler = Callable[..., Coroutine[Any, Any, object]]
Scope = Literal["open", "read", "write", "admin"]
"""What a caller must be allowed to do; an open route needs no key."""
Reach = Literal["collection", "default", "server", "process"]
"""What a route speaks of: any collection, so that it stands under the name of each as well; ``default``
alone; the server; or all collections at once, so that a key for some of them does not do."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route."""

    method: str
    path: str
    handler: Handler
    operation: str
    """The key of the operation in the API's description; empty for a route that is not described."""
    scope: Scope
    status: int = 200
    """The status of an answer that is not an error."""
    body_bytes_max: int = BODY_BYTES_MAX
    reach: Reach = "collection"
    is_streamed: bool = False
    """Whether the body goes to the disk as it comes, so that it takes little memory."""
    is_hot: bool = False
    """Whether it is asked so often that it goes without the framework's care; see ``http.exchange.hot``."""
    is_feed: bool = False
    """Whether the answer has no end; it sees to it itself that it ends with its client."""
    public_name: str = ""
    """The name by which the setting ``public`` opens it to callers without a key."""
    inner_path: str = ""
    """The path of the route that this one is once more; empty for one of its own."""
    is_mounted: bool = False
    """Whether the framework serves it under the path as it came."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the path's parameters, in their order."""
        return tuple(PARAMETER.findall(self.path))

    @property
    def is_named(self) -> bool:
        """Whether it is a route of ``default`` once more, under the name of a collection."""
        return bool(self.inner_path)

    @property
    def names_one(self) -> bool:
        """Whether the path begins with the name of a collection or alias."""
        return self.parameters[:1] in ((COLLECTION,), (ALIAS,))

    @property
    def framework_path(self) -> str:
        """Under which the framework has the handler: without parameters, so that it looks for none."""
        return PARAMETER.sub(r":\1", self.inner_path or self.path)

    @property
    def is_always_answered(self) -> bool:
        """Whether no bound on requests holds for it, or a busy server would look like a dead one."""
        return self.scope == "open"

    def of_named(self) -> Route:
        """The same route under the name of a collection."""
        return replace(self, path=NAMED + self.path.removeprefix(API), inner_path=self.path)
