"""Where a setting may come from, which place wins, and what is said about a bad one."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from asteroid_cloud.api.cli.serve import serve
from asteroid_cloud.api.http.access.keys import raw_key
from asteroid_cloud.api.http.settings import Settings, variable_of
from asteroid_cloud.api.http.settings.sources import load_settings, unknown_variables
from asteroid_cloud.api.http.settings.units import parse_size
from asteroid_cloud.indexer import RetentionChange
from asteroid_cloud.wal.errors import InvalidRequest

FIELDS = msgspec.structs.fields(Settings)
CANARY = "canary-of-the-test-5b1f0c"


def write(folder: Path, text: str) -> str:
    """A TOML file of settings."""
    path = folder / "asteroid.toml"
    path.write_text(text)
    return str(path)


def refusal(
    flags: dict[str, object] | None = None,
    variables: dict[str, str] | None = None,
    config: str | None = None,
) -> str:
    """What is said about settings that are refused."""
    with pytest.raises(InvalidRequest) as caught:
        load_settings({"data": "store"} | (flags or {}), variables or {}, config).keys()
    assert caught.value.code == "bad_settings"
    return caught.value.message


def test_a_flag_wins_over_a_variable_over_the_file_over_the_default(tmp_path: Path) -> None:
    config = write(tmp_path, 'data = "file"\nport = 1\nseal_rows = 11\nkeep_log = true\nmetric = "ip"')
    variables = {"ASTEROID_DATA": "variable", "ASTEROID_PORT": "2", "ASTEROID_SEAL_ROWS": "22"}
    flags = {"data": "flag", "port": None, "keep_log": None}
    settings = load_settings(flags, variables, config)
    assert settings.data == "flag"
    assert settings.port == 2
    assert settings.seal_rows == 22
    assert (settings.keep_log, settings.metric) == (True, "ip")
    assert settings.host == "127.0.0.1"
    assert load_settings({}, variables, config).data == "variable"
    assert load_settings({}, {}, config).data == "file"
    assert load_settings({}, {}, config).concurrency == Settings(data="x").concurrency


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_each_setting_is_a_flag_a_variable_and_has_a_description(field: msgspec.structs.FieldInfo) -> None:
    options = {option.name: option for option in serve.params}
    flag = f"--{field.name.replace('_', '-')}"
    assert flag in options[field.name].opts
    described = msgspec.json.schema(Settings)["$defs"]["Settings"]["properties"][field.name]
    assert described["description"].endswith(".")
    assert described["description"] in str(getattr(options[field.name], "help", ""))
    value = {
        "metric": "ip",
        "bits": "8",
        "log_level": "error",
        "recovery": "salvage",
        "public": "docs",
        "memory_budget": "2MiB",
        "answer_budget": "2MiB",
        "payload_bytes_max": "1MiB",
        "mapped": "warm",
        "mapped_bytes_max": "2MiB",
        "log_retention_bytes": "1GiB",
        "log_retention_age": "7d",
        "idempotency_age": "7d",
        "slow_sync_s": "0.5",
        "api_key": CANARY,
    }.get(field.name, "1")
    settings = load_settings({"data": "store"}, {variable_of(field.name): value}, None)
    if field.name != "data":
        assert getattr(settings, field.name) != field.default
    assert variable_of(field.name) == "ASTEROID_" + field.name.upper()


def test_values_of_variables_have_the_types_of_the_settings() -> None:
    variables = {"DIM": "384", "KEEP_LOG": "true", "RATE_LIMIT": "2.5", "PUBLIC": "ready, docs"}
    settings = load_settings(
        {"data": "x"}, {"ASTEROID_" + name: text for name, text in variables.items()}, None
    )
    assert (settings.dim, settings.keep_log, settings.rate_limit) == (384, True, 2.5)
    assert settings.public_names == ["ready", "docs"]


def test_what_is_unknown_is_named(tmp_path: Path) -> None:
    assert unknown_variables({"ASTEROID_PROT": "1", "PROT": "1"}) == ["ASTEROID_PROT"]
    assert load_settings({"data": "store"}, {"ASTEROID_PROT": "1"}, None) == Settings(data="store")
    with pytest.raises(InvalidRequest, match="prot"):
        load_settings({"data": "store", "prot": 1}, {}, None)
    assert "prot" in refusal(config=write(tmp_path, "prot = 1"))
    assert "server" in refusal(config=write(tmp_path, "[server]\nport = 1"))
    clients = {"ASTEROID_URL": "http://127.0.0.1:1", "ASTEROID_CONFIG": "x", "OTHER": "y", "PATH": "z"}
    assert load_settings({"data": "store"}, clients, None) == Settings(data="store")


SERVICE_LINKS = {
    "ASTEROID_PORT": "tcp://10.0.0.1:8000",
    "ASTEROID_SERVICE_HOST": "10.0.0.1",
    "ASTEROID_SERVICE_PORT": "8000",
    "ASTEROID_SERVICE_PORT_HTTP": "8000",
    "ASTEROID_PORT_8000_TCP": "tcp://10.0.0.1:8000",
    "ASTEROID_PORT_8000_TCP_PROTO": "tcp",
    "ASTEROID_PORT_8000_TCP_PORT": "8000",
    "ASTEROID_PORT_8000_TCP_ADDR": "10.0.0.1",
    "ASTEROID_PORT_53_UDP_ADDR": "10.0.0.1",
    "ASTEROID_BLUE_PORT": "tcp://10.0.0.2:8000",
    "ASTEROID_BLUE_SERVICE_HOST": "10.0.0.2",
    "ASTEROID_DATA_PORT_9000_SCTP_ADDR": "10.0.0.3",
}


def test_variables_of_a_service_link_are_no_settings() -> None:
    assert load_settings({"data": "store"}, SERVICE_LINKS, None) == Settings(data="store")
    assert unknown_variables(SERVICE_LINKS) == []
    ours = SERVICE_LINKS | {"ASTEROID_PORT": "9000", "ASTEROID_BLUE_PORT": "9000"}
    assert load_settings({"data": "store"}, ours, None).port == 9000
    assert unknown_variables(ours) == ["ASTEROID_BLUE_PORT"]


def test_a_bad_value_is_named_with_its_variable() -> None:
    told = refusal(variables={"ASTEROID_PORT": "http", "ASTEROID_HOST": "localhost"})
    assert "ASTEROID_PORT is 'http'" in told
    assert "ASTEROID_HOST" not in told
    assert "ASTEROID_SEAL_ROWS is '0'" in refusal(variables={"ASTEROID_SEAL_ROWS": "0"})
    assert "ASTEROID_PORT" not in refusal(flags={"port": "http"}, variables={"ASTEROID_PORT": "http"})
    secret = refusal(variables={"ASTEROID_API_KEY": f" {CANARY}"})
    assert "ASTEROID_API_KEY" in secret
    assert CANARY not in secret


def test_the_folder_must_be_given() -> None:
    with pytest.raises(InvalidRequest, match="--data") as caught:
        load_settings({"data": None}, {}, None)
    assert caught.value.code == "bad_settings"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "-1"),
        ("port", "65536"),
        ("port", "http"),
        ("port", "1.5"),
        ("dim", "0"),
        ("dim", "4001"),
        ("dim", "many"),
        ("metric", "l1"),
        ("api_key", ""),
        ("api_key", " "),
        ("api_key", "fifteen-letters"),
        ("api_key", "sixteen letters!"),
        ("public", "ready,v1"),
        ("memory_budget", "lots"),
        ("memory_budget", "-1MiB"),
        ("memory_budget", "1MB"),
        ("memory_budget", "1023KiB"),
        ("memory_budget", ""),
        ("mapped", "hot"),
        ("mapped_bytes_max", "0"),
        ("mapped_bytes_max", "much"),
        ("log_retention_bytes", "1KiB"),
        ("log_retention_bytes", "all"),
        ("log_retention_age", "7"),
        ("idempotency_age", "7"),
        ("idempotency_keys", "-1"),
        ("idempotency_keys", "1000001"),
        ("log_retention_age", "0d"),
        ("log_retention_age", "1.5h"),
        ("seal_rows", "0"),
        ("keep_log", "maybe"),
        ("rate_limit", "-1"),
        ("rate_limit", "nan"),
        ("rate_limit", "inf"),
        ("concurrency", "0"),
        ("body_timeout_s", "0"),
        ("body_timeout_s", "nan"),
        ("answer_stall_s", "0"),
        ("answer_stall_s", "inf"),
        ("slow_sync_s", "0"),
        ("slow_sync_s", "nan"),
        ("answer_budget", "1KiB"),
        ("recall_sample_every", "-1"),
        ("recall_sample_every", "1.5"),
        ("recall_min", "1.1"),
        ("recall_min", "nan"),
        ("log_level", "loud"),
    ],
)
def test_a_bad_value_names_its_setting(name: str, value: str) -> None:
    assert name in refusal(variables={variable_of(name): value})
    assert name in refusal(flags={name: value})


@pytest.mark.parametrize(
    ("name", "text"), [("port", "port = true"), ("host", "host = 1"), ("dim", "dim = [1]")]
)
def test_a_bad_type_in_the_file_names_its_setting(tmp_path: Path, name: str, text: str) -> None:
    assert name in refusal(config=write(tmp_path, text))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert "nowhere.toml" in refusal(config=str(tmp_path / "nowhere.toml"))
    assert "asteroid.toml" in refusal(config=write(tmp_path, "port ="))
    (tmp_path / "asteroid.toml").write_bytes(b"\xff\xfe")
    assert "asteroid.toml" in refusal(config=str(tmp_path / "asteroid.toml"))
    assert str(tmp_path) in refusal(config=str(tmp_path))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("65536", 65_536),
        ("64B", 64),
        ("1KiB", 1_024),
        ("256MiB", 256 * 2**20),
        ("1 gib", 2**30),
        (" 2TiB ", 2**41),
        ("0", 0),
    ],
)
def test_sizes(text: str, expected: int) -> None:
    assert parse_size(text) == expected


@pytest.mark.parametrize("text", ["", "MiB", "1.5MiB", "-1", "1MB", "1 M", "0x10", "1MiB2", "٣"])
def test_what_is_not_a_size(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size(text)


def test_keys_come_from_the_setting_and_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# ours\n{CANARY}-1\n\n# theirs\n{CANARY}-2\n")
    assert Settings(data="x").keys() == []
    assert Settings(data="x", api_key=CANARY).keys() == [raw_key(CANARY)]
    both = Settings(data="x", api_key=CANARY, api_keys=str(path))
    assert both.keys() == [raw_key(key) for key in (CANARY, f"{CANARY}-1", f"{CANARY}-2")]


def test_a_file_without_a_key_does_not_open_the_server(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("# none yet\n\n")
    assert "api_keys" in refusal({"api_keys": str(path)})
    assert "api_keys" in refusal({"api_keys": str(tmp_path / "nowhere")})
    path.write_bytes(b"\xff\xfe\xff")
    assert "api_keys" in refusal({"api_keys": str(path)})
    path.write_text("# none yet\n\n")
    assert "api_keys" in refusal({"api_keys": str(path), "api_key": CANARY})


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.0.1", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_which_addresses_only_this_machine_can_reach(host: str, is_loopback: bool) -> None:
    assert Settings(data="x", host=host).is_loopback is is_loopback


def test_the_engine_gets_its_part() -> None:
    settings = Settings(data="x", memory_budget="8MiB", seal_rows=7, keep_log=True)
    options = settings.engine_options
    assert (options.memory_budget_bytes, options.seal_rows, options.keep_log) == (8 * 2**20, 7, True)
    assert (options.warm_mapped, options.mapped_bytes_max) == (False, None)
    assert options.log_retention == RetentionChange()
    assert Settings(data="x").engine_options.keep_log is None, "as the store remembers it"
    kept = Settings(data="x", log_retention_bytes="2MiB", log_retention_age="12h").engine_options
    assert kept.log_retention == RetentionChange(2 * 2**20, 12 * 3_600_000)
    ended = Settings(data="x", keep_log=True, log_retention_bytes="none", log_retention_age="none")
    assert ended.engine_options.log_retention == RetentionChange(None, None)
    with pytest.raises(ValueError, match="keep_log keeps all"):
        Settings(data="x", log_retention_bytes="2MiB", keep_log=True)
    assert Settings(data="x", mapped="warm").engine_options.warm_mapped
    assert Settings(data="x", mapped_bytes_max="9MiB").engine_options.mapped_bytes_max == 9 * 2**20
    with pytest.raises(ValueError, match="exclude each other"):
        Settings(data="x", mapped="warm", mapped_bytes_max="9MiB")


def test_a_key_shows_in_no_representation() -> None:
    settings = Settings(data="x", api_key=CANARY)
    for text in (repr(settings), str(settings), f"{settings}", f"{settings!r}"):
        assert CANARY not in text
        assert "data='x'" in text
    assert CANARY not in refusal({"api_key": CANARY, "port": "x"})
    assert CANARY not in refusal({"port": CANARY})
