import json
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from daemon.domain.commands import Endpoint
from daemon.domain.identity import ProjectType
from daemon.errors import ConfigurationError
from daemon.settings import Settings, load_settings

SECRET = "s3cr3t-0123456789"
MINIMAL = "project: {type: hybrid}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def load(folder: Path, text: str, env: dict[str, str] | None = None) -> Settings:
    file = folder / "segue.yaml"
    file.write_text(text)
    return load_settings(file, {"HOME": str(folder)} | (env or {}))


def problems(folder: Path, text: str, env: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(folder, text, env)
    assert all("\n" not in line for line in caught.value.problems)
    return caught.value.problems


def credentials(folder: Path, **files: str) -> dict[str, str]:
    place = folder / "credentials"
    place.mkdir()
    for name, text in files.items():
        (place / name.replace("_", "-").replace("--", ".")).write_text(text)
    return {"CREDENTIALS_DIRECTORY": str(place)}


def test_the_least_file_loads_with_the_defaults(folder: Path) -> None:
    settings = load(folder, MINIMAL)
    assert settings.project.type is ProjectType.HYBRID
    assert settings.iterable.url == "https://api.iterable.com"
    assert (settings.ingest.host, settings.ingest.port) == ("127.0.0.1", 8080)
    assert (settings.iterable.lag_seconds, settings.reconcile.repair) == (15, "ask")
    assert settings.telemetry.prometheus_host == "127.0.0.1"
    assert settings.mappings == []


@pytest.mark.parametrize(
    ("env", "url", "socket"),
    [
        ({"HOME": "/h"}, "/h/.local/state/segue/segue.db", "/h/.local/state/segue/segue.sock"),
        ({"XDG_STATE_HOME": "/x"}, "/x/segue/segue.db", "/x/segue/segue.sock"),
        (
            {"STATE_DIRECTORY": "/var/lib/segue:/b", "RUNTIME_DIRECTORY": "/run/segue"},
            "/var/lib/segue/segue.db",
            "/run/segue/segue.sock",
        ),
        (
            {"STATE_DIRECTORY": "/var/lib/segue"},
            "/var/lib/segue/segue.db",
            "/var/lib/segue/segue.sock",
        ),
    ],
    ids=["home", "xdg", "systemd", "no runtime folder"],
)
def test_the_store_and_the_socket_lie_where_the_system_keeps_such_things(
    folder: Path, env: dict[str, str], url: str, socket: str
) -> None:
    settings = load(folder, MINIMAL, env)
    assert settings.store.url.get_secret_value() == f"sqlite:///{url}"
    assert settings.control.socket == Path(socket)


def test_without_a_file_the_environment_is_enough() -> None:
    env = {"SEGUE_PROJECT__TYPE": "email", "SEGUE_STORE__URL": "sqlite:///x.db"}
    settings = load_settings(None, env)
    assert settings.project.type is ProjectType.EMAIL
    assert settings.store.url.get_secret_value() == "sqlite:///x.db"


def test_the_environment_wins_over_credentials_and_these_over_the_file(folder: Path) -> None:
    text = MINIMAL + "iterable: {api_key: from-file}\nsources: {web: {write_key: from-file}}\n"
    env = credentials(folder, iterable_api_key="from-credential\n")
    assert key(load(folder, text)) == "from-file"
    assert key(load(folder, text, env)) == "from-credential"
    assert key(load(folder, text, env | {"SEGUE_ITERABLE__API_KEY": "from-env"})) == "from-env"


def key(settings: Settings) -> str:
    assert settings.iterable.api_key is not None
    return settings.iterable.api_key.get_secret_value()


def test_every_credential_finds_its_place(folder: Path) -> None:
    env = credentials(
        folder,
        iterable_api_key="k1",
        segment_write_key__web="k2\n",
        segment_webhook_secret__web="new\nold\n",
        segment_webhook_secret__ios="only",
        profile_api_token="k3",
        store_url="postgresql://u:p@localhost/segue",
        somebody_elses="k4",
        segment_write_key="no source named",
        iterable_api_key__web="no source wanted",
    )
    settings = load(folder, MINIMAL + "segment: {profile_api: {space_id: spa_1}}\n", env)
    web, ios = settings.sources["web"], settings.sources["ios"]
    assert key(settings) == "k1"
    assert web.write_key is not None
    assert web.write_key.get_secret_value() == "k2"
    assert [secret.get_secret_value() for secret in web.webhook_secret] == ["new", "old"]
    assert [secret.get_secret_value() for secret in ios.webhook_secret] == ["only"]
    assert settings.segment.profile_api is not None
    assert settings.segment.profile_api.token is not None
    assert settings.segment.profile_api.token.get_secret_value() == "k3"
    assert settings.store.url.get_secret_value().startswith("postgresql://")
    assert settings.missing_credentials() == []


def test_environment_values_are_converted_and_lists_and_maps_are_json(folder: Path) -> None:
    env = {
        "SEGUE_INGEST__PORT": "0",
        "SEGUE_INGEST__ACCEPT_UNSIGNED": "true",
        "SEGUE_INGEST__TRUSTED_PROXIES": '["10.0.0.1"]',
        "SEGUE_ITERABLE__LIMITS": '{"users/bulkUpdate": 2.5}',
        "SEGUE_SOURCES__WEB__WEBHOOK_SECRET": "[not json",
        "SEGUE_CONFIG": "somebody else's",
        "SEGUE_": "nothing",
        "OTHER__THING": "1",
    }
    settings = load(folder, MINIMAL, env)
    assert (settings.ingest.port, settings.ingest.accept_unsigned) == (0, True)
    assert settings.ingest.trusted_proxies == ("10.0.0.1",)
    assert settings.iterable.limits == {Endpoint.BULK_UPDATE: 2.5}
    (secret,) = settings.sources["web"].webhook_secret
    assert secret.get_secret_value() == "[not json"


def test_a_secret_may_stand_in_a_file_named_by_its_key(folder: Path) -> None:
    file = folder / "key"
    file.write_text(f"{SECRET}\n")
    file.chmod(0o640)
    text = (
        f"{MINIMAL}iterable: {{api_key_file: {file}}}\n"
        f"sources: {{web: {{write_key_file: {file}}}}}\n"
    )
    settings = load(folder, text)
    assert key(settings) == SECRET
    assert settings.sources["web"].write_key is not None


def test_a_secret_file_everybody_may_read_is_refused(folder: Path) -> None:
    file = folder / "key"
    file.write_text(SECRET)
    file.chmod(0o644)
    assert problems(folder, f"{MINIMAL}iterable: {{api_key_file: {file}}}\n") == [
        f"iterable.api_key_file: {file} can be read by everybody; chmod o= {file}"
    ]


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (None, "No such file or directory"),
        (b"", "is empty"),
        (b"\xff\xfe", "is not text"),
        (b"x" * 70_000, "is too long"),
    ],
    ids=["absent", "empty", "binary", "huge"],
)
def test_a_secret_file_that_cannot_serve_is_named(
    folder: Path, content: bytes | None, wrong: str
) -> None:
    file = folder / "key"
    if content is not None:
        file.write_bytes(content)
        file.chmod(0o600)
    (line,) = problems(folder, f"{MINIMAL}iterable: {{api_key_file: {file}}}\n")
    assert line.startswith("iterable.api_key_file: ")
    assert line.endswith(wrong)


def test_a_secret_is_given_once_per_file(folder: Path) -> None:
    text = MINIMAL + "iterable: {api_key: a, api_key_file: b}\n"
    assert problems(folder, text) == ["iterable.api_key_file: give it or api_key, not both"]


MISTAKES: list[tuple[str, str, list[str]]] = [
    ("nothing", "", ["project: missing. The Iterable project."]),
    (
        "no type",
        "project: {name: x}",
        ["project.type: missing; one of email, userId, hybrid"],
    ),
    (
        "wrong type",
        "project: {type: e-mail}",
        [
            (
                "project.type (segue.yaml line 1): should be 'email', 'userId' or 'hybrid'"
                " (got 'e-mail')"
            )
        ],
    ),
    (
        "unknown group",
        MINIMAL + "ingst: {}",
        [
            (
                "ingst (segue.yaml line 2): unknown key; did you mean 'ingest'? (allowed: project,"
                " iterable, sources, store, ingest, lanes, reconcile, segment, telemetry, control,"
                " mappings)"
            )
        ],
    ),
    (
        "unknown key",
        MINIMAL + "control:\n  sockett: /x",
        [
            (
                "control.sockett (segue.yaml line 3): unknown key; did you mean 'socket'?"
                " (allowed: socket)"
            )
        ],
    ),
    (
        "unknown key far from any",
        MINIMAL + "sources: {web: {zzz: 1}}",
        ["sources.web.zzz (segue.yaml line 2): unknown key (allowed: write_key, webhook_secret)"],
    ),
    (
        "above",
        MINIMAL + "ingest: {port: 70000}",
        ["ingest.port (segue.yaml line 2): should be less than or equal to 65535 (got 70000)"],
    ),
    (
        "negative rate",
        MINIMAL + "iterable: {limits: {users/bulkUpdate: -1}}",
        ["iterable.limits.users/bulkUpdate (segue.yaml line 2): should be greater than 0 (got -1)"],
    ),
    (
        "word for a number",
        MINIMAL + "lanes: {count: many}",
        ["lanes.count (segue.yaml line 2): should be a whole number (got 'many')"],
    ),
    (
        "data center",
        MINIMAL + "iterable: {data_center: EUROPE}",
        ["iterable.data_center (segue.yaml line 2): should be 'US' or 'EU' (got 'EUROPE')"],
    ),
    (
        "schedule",
        MINIMAL + "reconcile: {schedule: hourly}",
        [
            (
                'reconcile.schedule (segue.yaml line 2): should be "every" and a time'
                " such as 30m, 6h"
                ' or 1d, or five fields of crontab such as "0 4 * * *", or "off"'
            )
        ],
    ),
    (
        "source's name",
        MINIMAL + "sources: {My Web: {}}",
        [
            (
                "sources.My Web (segue.yaml line 2): a source's name is 1 to 64 of a-z,"
                " 0-9, _ and -,"
                " and begins with a letter or digit"
            )
        ],
    ),
    (
        "half of TLS",
        MINIMAL + "ingest: {tls_cert_file: a.pem}",
        [
            (
                "ingest (segue.yaml line 2): tls_cert_file and tls_key_file are given"
                " together or not"
                " at all"
            )
        ],
    ),
    (
        "address",
        MINIMAL + "telemetry: {otlp_endpoint: localhost}",
        [
            (
                "telemetry.otlp_endpoint (segue.yaml line 2): should be an address such"
                " as https://host"
                " or https://host/path"
            )
        ],
    ),
    (
        "a list for a group",
        MINIMAL + "store: [1]",
        [
            (
                "store (segue.yaml line 2): should be a map with the keys url, retention_days,"
                " dedupe_hours, max_unsent_messages (got a list)"
            )
        ],
    ),
    *(
        (
            f"no store: {url}",
            MINIMAL + f"store: {{url: '{url}'}}",
            [
                (
                    "store.url (segue.yaml line 2): should be sqlite:///<file> or"
                    " postgresql://<user>@<host>/<database>"
                )
            ],
        )
        for url in ("mysql://db/segue", "segue.db", "sqlite://", "postgresql://db:port/segue")
    ),
    ("not a map", "- 1", ["segue.yaml: should be a map of groups such as project:"]),
    (
        "three at once",
        "project: {type: hybrid}\nlanes: {count: 0}\nstore: {nope: 1, dedupe_hours: 0}",
        [
            "store.dedupe_hours (segue.yaml line 3): should be greater than or equal to 1 (got 0)",
            (
                "store.nope (segue.yaml line 3): unknown key (allowed: url, retention_days,"
                " dedupe_hours, max_unsent_messages)"
            ),
            "lanes.count (segue.yaml line 2): should be greater than or equal to 1 (got 0)",
        ],
    ),
]


@pytest.mark.parametrize(
    ("text", "expected"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES]
)
def test_each_mistake_is_one_line_with_its_place(
    folder: Path, text: str, expected: list[str]
) -> None:
    assert problems(folder, text) == expected


def test_a_mistake_in_the_environment_is_named_as_the_variable(folder: Path) -> None:
    assert problems(folder, MINIMAL, {"SEGUE_INGEST__PORT": "x", "SEGUE_STORE__ULR": "y"}) == [
        (
            "SEGUE_STORE__ULR: unknown key; did you mean 'url'? (allowed: url, retention_days,"
            " dedupe_hours, max_unsent_messages)"
        ),
        "SEGUE_INGEST__PORT: should be a whole number (got 'x')",
    ]


def test_a_mistake_in_a_credential_is_named_as_the_credential(folder: Path) -> None:
    env = credentials(folder, iterable_api_key="", segment_webhook_secret__web="a b c")
    lines = problems(folder, MINIMAL, env)
    assert lines[0] == "credential iterable-api-key: is empty"
    assert lines[1].startswith("credential segment-webhook-secret.web: should have at most 2 items")
    assert len(lines) == 2


def test_a_missing_folder_of_credentials_is_named(folder: Path) -> None:
    env = {"CREDENTIALS_DIRECTORY": str(folder / "absent")}
    (line,) = problems(folder, MINIMAL, env)
    assert line.endswith("absent: No such file or directory")


def test_clashing_variables_are_refused(folder: Path) -> None:
    env = {"SEGUE_SOURCES__WEB": "x", "SEGUE_SOURCES__WEB__WRITE_KEY": "y"}
    assert "SEGUE_SOURCES__WEB__WRITE_KEY: web is already given as a whole" in problems(
        folder, MINIMAL, env
    )


def test_a_file_that_is_absent_or_not_text_is_named(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such file; `segue init` writes one"):
        load_settings(folder / "absent.yaml", {})
    with pytest.raises(ConfigurationError, match="can't be read: Is a directory"):
        load_settings(folder, {})
    (folder / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="is not UTF-8 text"):
        load_settings(folder / "b.yaml", {})


SECRET_PLACES = [
    f"iterable: {{api_key: [{SECRET}]}}",
    f"iterable: {{api_key: {{{SECRET}: 1}}}}",
    f"iterable: {{apikey: {SECRET}}}",
    f"iterable: {SECRET}",
    f"iterable: {{base_url: {SECRET}-{SECRET}}}",
    f"iterable: {{data_center: {SECRET}-{SECRET}}}",
    f"sources: {{web: {{webhook_secret: [{SECRET}, {SECRET}, {SECRET}]}}}}",
    f"sources: {{web: {{webhook_secret: {{a: {SECRET}}}}}}}",
    f"sources: {{web: {SECRET}-and-more}}",
    f"store: {{url: [{SECRET}]}}",
    f"segment: {{profile_api: {{space_id: x, token: [{SECRET}]}}}}",
    f"segment: {{profile_api: {{space_id: '', token: {SECRET}}}}}",
    f"telemetry: {{otlp_endpoint: 'https://user:{SECRET}@host'}}",
    f"iterable: {{api_key: {SECRET}, concurrency: 0}}",
]


@pytest.mark.parametrize("text", SECRET_PLACES)
def test_no_problem_repeats_a_secret(folder: Path, text: str) -> None:
    lines = problems(folder, MINIMAL + text)
    shown = [line for line in lines if SECRET in line]
    # A secret used as a key, or as a whole group, is beyond recognition: only its place is shown.
    assert all(line.startswith(f"iterable.api_key.{SECRET}") for line in shown) or not shown


def test_a_number_where_a_secret_belongs_is_not_repeated(folder: Path) -> None:
    (line,) = problems(folder, MINIMAL + "sources: {web: {write_key: 12345678}}")
    assert line.startswith("sources.web.write_key (segue.yaml line 2): should be text")
    assert "12345678" not in line


def test_secrets_are_masked_where_settings_are_shown(folder: Path) -> None:
    env = {"SEGUE_STORE__URL": f"postgresql://u:{SECRET}@h/d", "SEGUE_ITERABLE__API_KEY": SECRET}
    settings = load(folder, MINIMAL + f"sources: {{web: {{webhook_secret: {SECRET}}}}}\n", env)
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert SECRET not in shown
    assert json.loads(settings.model_dump_json())["iterable"]["api_key"] == "**********"


def test_settings_are_frozen(folder: Path) -> None:
    settings = load(folder, MINIMAL)
    for group, name in ((settings, "project"), (settings.ingest, "port")):
        with pytest.raises(ValueError, match="frozen"):
            setattr(group, name, 1)


def test_nothing_is_read_from_the_process_by_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGUE_INGEST__PORT", "1")
    monkeypatch.setenv("INGEST", '{"port": 2}')
    assert load(folder, MINIMAL).ingest.port == 8080


def test_an_empty_group_means_its_defaults(folder: Path) -> None:
    settings = load(folder, MINIMAL + "store:\n  # url: x\nlanes:\nsources:\nmappings:\n")
    assert (settings.lanes.count, settings.sources, settings.mappings) == (1, {}, [])


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("iterable: {api_key: k}\nsources: {web: {write_key: k}}", []),
        ("iterable: {api_key: k}\nsources: {web: {webhook_secret: k}}", []),
        ("iterable: {api_key: k}\nsources: {web: {}}\ningest: {accept_unsigned: true}", []),
        ("sources: {web: {}}", ["iterable.api_key", "sources.web"]),
        ("iterable: {api_key: k}", ["sources"]),
        (
            (
                "iterable: {api_key: k}\nsources: {web: {write_key: k}}\n"
                "segment: {profile_api: {space_id: s}}"
            ),
            ["segment.profile_api.token"],
        ),
    ],
)
def test_what_is_missing_for_serving_is_listed(folder: Path, text: str, missing: list[str]) -> None:
    lines = load(folder, MINIMAL + text + "\n").missing_credentials()
    assert [line.split(":")[0] for line in lines] == missing


def test_every_field_has_a_description() -> None:
    groups: dict[str, Any] = Settings.model_json_schema()["$defs"]
    fields = {
        f"{name}.{field}": about.get("description", "")
        for name, group in groups.items()
        for field, about in group.get("properties", {}).items()
    }
    assert len(fields) >= 60
    assert [name for name, text in fields.items() if not text.endswith(".")] == []


def test_every_time_size_and_share_says_its_unit() -> None:
    units = {"seconds": "Seconds", "days": "Days", "bytes": "Bytes", "mb": "MiB", "hours": "Hours"}
    groups: dict[str, Any] = Settings.model_json_schema()["$defs"]
    for group in groups.values():
        for field, about in group.get("properties", {}).items():
            unit = units.get(field.rsplit("_", 1)[-1])
            assert unit is None or unit in about["description"], field


DATA = st.dictionaries(
    st.sampled_from([*Settings.model_fields, "other"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["url", "web", "limits", "x", ""]), inner, max_size=2)
        ),
        max_leaves=4,
    ),
    max_size=3,
)


@hypothesis_settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(file=DATA, variables=DATA)
def test_whatever_is_given_it_loads_or_lists_the_mistakes(
    file: dict[str, Any], variables: dict[str, Any]
) -> None:
    env = {f"SEGUE_{name}__{'X'}": json.dumps(value) for name, value in variables.items()}
    with NamedTemporaryFile("w", suffix=".yaml") as handle:
        json.dump(file, handle)
        handle.flush()
        try:
            load_settings(Path(handle.name), env)
        except ConfigurationError as error:
            lines = error.problems
        else:
            lines = ["fine"]
    assert lines
    assert not any("\n" in line for line in lines)


@pytest.mark.parametrize("key", ["…", "a\nb", "a b", "schlüssel"])
def test_a_key_no_header_can_hold_is_told(folder: Path, key: str) -> None:
    said = problems(folder, MINIMAL, {"SEGUE_ITERABLE__API_KEY": key})
    assert [line.split(": ")[1] for line in said] == ["must be printable ASCII without blanks"]
    assert key not in said[0]
