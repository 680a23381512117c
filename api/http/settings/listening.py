"""The first of the settings: which store a server has, where it listens, and who may come in."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from asteroid_cloud.api.http.access.keys import Key, raw_keys
from asteroid_cloud.api.http.access.keys_file import read_keys
from asteroid_cloud.api.http.settings.checks import PUBLIC
from asteroid_cloud.api.http.settings.units import is_loopback
from asteroid_cloud.api.limits import KEY_CHARACTERS_MIN


def about(meaning: str, *, unit: str = "", metavar: str = "") -> msgspec.Meta:
    """What a setting means, the unit of its number, and what the help writes for its value."""
    return msgspec.Meta(description=meaning, extra={"unit": unit, "metavar": metavar})


class ListenSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server listens, and for whom."""

    data: Annotated[str, about("Folder of the store; it is made if it does not exist.", metavar="DIR")]
    host: Annotated[str, about("Address to listen on. Any address but a loopback address needs a key.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, about("Port to listen on; 0 takes a free port.")] = 8000
    dim: Annotated[
        int | None, about("Create the index with this dimension at start; otherwise PUT /v1/index does.")
    ] = None
    metric: Annotated[Literal["l2", "cosine", "ip"], about("Distance of the index that --dim creates.")] = (
        "l2"
    )
    bits: Annotated[
        Literal[16, 8],
        about(
            "Bits for each value in the index that --dim creates: 16 has the recall of float32, 8 takes half "
            "the disk.",
            unit="bits",
        ),
    ] = 16
    api_key: Annotated[
        str | None,
        about(
            f"The key that clients must send as a bearer token: {KEY_CHARACTERS_MIN} characters at the least."
        ),
    ] = None
    api_keys: Annotated[
        str | None,
        about("File with more keys, each a line; read again when it changes, and on SIGHUP.", metavar="FILE"),
    ] = None
    public: Annotated[
        str,
        about(
            f"What needs no key, besides /health: any of {', '.join(PUBLIC)}, separated by commas.",
            metavar="NAMES",
        ),
    ] = ""

    @property
    def public_names(self) -> list[str]:
        """What needs no key."""
        return [name.strip() for name in self.public.split(",") if name.strip()]

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)

    def keys(self) -> list[Key]:
        """All keys; raises InvalidRequest when the file of keys cannot be read or is empty."""
        keys = raw_keys(self.api_key)
        return keys if self.api_keys is None else keys + read_keys(self.api_keys)
