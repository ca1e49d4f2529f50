"""Settings come from four places, in order, and nothing wrong is taken silently."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from antiphon.config import EngineSettings, Settings
from antiphon.config_check import ConfigError
from antiphon.config_fields import describe_settings, env_names, fields, type_words
from antiphon.config_load import Loaded, load
from antiphon.config_print import MASK, as_json, as_text, as_toml

DEMO = EngineSettings(name="default", kind="llamacpp")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def file(tmp_path: Path, text: str, name: str = "some.toml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def source(loaded: Loaded, place: str) -> str:
    return loaded.values[place].source


def refusal(**given: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load(**given)
    return str(caught.value)


# ---------- priority


def test_nothing_given_is_the_demo_model_and_every_default() -> None:
    loaded = load()
    assert loaded.settings == Settings(engines=(DEMO,))
    assert {value.source for value in loaded.values.values()} == {"default"}


def test_each_place_overrides_the_one_below(tmp_path: Path) -> None:
    path = file(tmp_path, "[http]\nport = 1\nhost = 'file'\nheartbeat_s = 3\n")
    environ = {"ANTIPHON_HTTP_PORT": "2", "ANTIPHON_HOST": "env"}
    loaded = load(config=path, environ=environ, flags={"--port": "3"})
    assert (loaded.settings.http.port, loaded.settings.http.host) == (3, "env")
    assert loaded.settings.http.heartbeat_s == 3.0
    assert source(loaded, "http.port") == "--port"
    assert source(loaded, "http.host") == "ANTIPHON_HOST"
    assert source(loaded, "http.heartbeat_s") == str(path)


def test_the_file_is_found_by_flag_then_variable_then_name(tmp_path: Path) -> None:
    file(tmp_path, "[http]\nport = 1", "antiphon.toml")
    by_env = file(tmp_path, "[http]\nport = 2", "env.toml")
    by_flag = file(tmp_path, "[http]\nport = 3", "flag.toml")
    environ = {"ANTIPHON_CONFIG": str(by_env)}
    assert load().settings.http.port == 1
    assert load(environ=environ).settings.http.port == 2
    assert load(environ=environ, config=by_flag).settings.http.port == 3


@pytest.mark.parametrize("name", ["http.port", "engine.parallel", "engines[].parallel"])
def test_set_reaches_any_setting(name: str) -> None:
    settings = load(sets=[f"{name}=7"]).settings
    assert 7 in (settings.http.port, settings.engines[0].parallel)


# ---------- every scalar has a variable


def sample(path: str) -> str:
    """A text that is right for the setting and not its default."""
    field = fields()[path]
    words = type_words(field)
    if words.startswith("one of "):
        return next(word for word in words[7:].split(", ") if word != field.default)
    if words == "true or false":
        return str(not field.default).lower()
    if words.startswith(("whole number", "number")):
        return str(int(field.default or 0) + 1)
    return {"list of texts": "a,b", "table of texts": '{"a": "b"}'}.get(words, "x")


SCALARS = [path for path, field in fields().items() if field.env and field.tables is None]


@pytest.mark.parametrize("path", SCALARS)
def test_every_setting_can_be_set_by_its_variable(path: str, tmp_path: Path) -> None:
    gguf = file(tmp_path, "", "m.gguf")
    text = {
        "store.url": "sqlite:///x",
        "engines[].url": "http://x/v1",
        "engines[].model_path": str(gguf),
        "engines[].kind": "scripted",
    }.get(path, sample(path))
    for env in fields()[path].env:
        environ = {env: text}
        if path == "engines[].models":
            environ["ANTIPHON_ENGINE"] = "scripted"
        loaded = load(environ=environ)
        place = path.replace("[]", "[0]")
        default = {"engines[].kind": "llamacpp"}.get(path, fields()[path].default)
        assert source(loaded, place) == env
        assert loaded.values[place].value != default
        section: Any = loaded.settings
        for name in place.replace("[0]", "").split("."):
            section = section[0] if isinstance(section, tuple) else section
            section = getattr(section, name)
        assert section == loaded.values[place].value


def test_lists_are_comma_separated_or_json() -> None:
    def origins(text: str) -> tuple[str, ...]:
        return load(environ={"ANTIPHON_HTTP_CORS_ORIGINS": text}).settings.http.cors_origins

    assert origins("a, b,") == origins('["a", "b"]') == ("a", "b")
    assert origins("[]") == ()


def test_an_empty_variable_counts_as_unset() -> None:
    assert load(environ={"ANTIPHON_HTTP_PORT": "", "ANTIPHON_ENGINE_KEY": ""}).settings.http.port == 8000


def test_api_keys_from_the_environment() -> None:
    def keys(text: str) -> list[tuple[str, str]]:
        found = load(environ={"ANTIPHON_API_KEYS": text}).settings.auth.keys
        return [(key.key, key.tenant) for key in found]

    assert keys("k1,k2") == [("k1", "default"), ("k2", "default")]
    assert keys('[{"key": "k1", "tenant": "t"}]') == [("k1", "t")]


def test_variables_that_kubernetes_makes_for_a_service_are_not_ours() -> None:
    environ = {
        "ANTIPHON_SERVICE_HOST": "10.0.0.1",
        "ANTIPHON_SERVICE_PORT_HTTP": "8000",
        "ANTIPHON_PORT": "tcp://10.0.0.1:8000",
        "ANTIPHON_PORT_8000_TCP_ADDR": "10.0.0.1",
    }
    assert load(environ=environ).settings.http.port == 8000


# ---------- engines


def only_engine(**given: Any) -> EngineSettings:
    (engine,) = load(**given).settings.engines
    return engine


def test_an_url_is_a_chat_engine_with_any_model() -> None:
    assert only_engine(flags={"--engine-url": "http://x/v1"}) == EngineSettings(
        kind="chat", url="http://x/v1"
    )


def test_url_and_model_serve_that_name() -> None:
    engine = only_engine(flags={"--engine-url": "http://x/v1", "--model": "m", "--engine": "responses"})
    assert engine == EngineSettings(kind="responses", url="http://x/v1", models=("m",))


def test_a_gguf_file_runs_embedded(tmp_path: Path) -> None:
    gguf = file(tmp_path, "", "some.GGUF")
    assert only_engine(flags={"--model": str(gguf)}) == EngineSettings(kind="llamacpp", model_path=str(gguf))


def test_flags_change_the_one_engine_of_the_file(tmp_path: Path) -> None:
    path = file(tmp_path, '[[engines]]\nname = "up"\nurl = "http://a/v1"\nretries = 0\n')
    engine = only_engine(config=path, flags={"--engine-url": "http://b/v1"})
    assert engine == EngineSettings(name="up", kind="chat", url="http://b/v1", retries=0)


def test_flags_cannot_choose_among_several_engines(tmp_path: Path) -> None:
    path = file(tmp_path, '[[engines]]\nname="a"\nurl="http://a"\n[[engines]]\nname="b"\nkind="scripted"\n')
    assert "configures several" in refusal(config=path, flags={"--engine-url": "http://b/v1"})


def test_a_list_in_the_environment_replaces_the_list_of_the_file(tmp_path: Path) -> None:
    path = file(tmp_path, '[[engines]]\nname="a"\nurl="http://a"\n[[engines]]\nname="b"\nkind="scripted"\n')
    environ = {"ANTIPHON_ENGINES": '[{"kind": "scripted"}]', "ANTIPHON_ENGINE_PARALLEL": "2"}
    assert only_engine(config=path, environ=environ) == EngineSettings(kind="scripted", parallel=2)


# ---------- refusals: (what is given, what the line says)

REFUSED: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"environ": {"ANTIPHON_HTTP_PROT": "1"}}, ("ANTIPHON_HTTP_PROT", "did you mean ANTIPHON_HTTP_PORT?")),
    (
        {"environ": {"ANTIPHON_HTTP_PORT": "many"}},
        ("ANTIPHON_HTTP_PORT", "http.port", "whole number", "'many'"),
    ),
    ({"environ": {"ANTIPHON_HTTP_HEARTBEAT_S": "-1"}}, ("ANTIPHON_HTTP_HEARTBEAT_S", "seconds above 0")),
    ({"environ": {"ANTIPHON_HTTP_HEARTBEAT_S": "inf"}}, ("seconds above 0",)),
    ({"environ": {"ANTIPHON_HTTP_HEARTBEAT_S": "nan"}}, ("seconds above 0",)),
    ({"environ": {"ANTIPHON_HTTP_METRICS": "perhaps"}}, ("true or false",)),
    ({"environ": {"ANTIPHON_ENGINE_HEADERS": "{"}}, ("ANTIPHON_ENGINE_HEADERS", "not JSON")),
    ({"environ": {"ANTIPHON_MODELS": "a,b"}}, ("JSON list",)),
    ({"environ": {"ANTIPHON_MODELS": '[{"model": "a"}]'}}, ("ANTIPHON_MODELS", "models[0].name is missing")),
    ({"environ": {"ANTIPHON_MODELS": '["a"]'}}, ("list of tables",)),
    ({"environ": {"ANTIPHON_PORT": "1", "ANTIPHON_HTTP_PORT": "2"}}, ("disagree on http.port",)),
    ({"environ": {"ANTIPHON_CONFIG": "absent.toml"}}, ("absent.toml", "No such file")),
    ({"environ": {"ANTIPHON_API_KEYS": "k,k"}}, ("listed twice",)),
    ({"environ": {"ANTIPHON_API_KEYS": "sha256:abc"}}, ("64 lower-case hex digits",)),
    ({"flags": {"--port": "70000"}}, ("--port", "from 0 to 65535")),
    ({"flags": {"--port": "-1"}}, ("--port", "from 0 to 65535")),
    ({"flags": {"--engine": "vllm"}}, ("--engine", "one of chat, responses, llamacpp, scripted", "'vllm'")),
    ({"flags": {"--engine": "chat"}}, ("url is missing", "--engine-url")),
    ({"flags": {"--engine-url": "x:1"}}, ("--engine-url", "http://")),
    ({"flags": {"--engine": "llamacpp", "--engine-url": "http://x"}}, ("--engine-url", "inside this server")),
    ({"flags": {"--model": "gpt"}}, ("--model", "gpt needs an engine")),
    ({"flags": {"--model": "absent.gguf"}}, ("--model", "is no file: absent.gguf")),
    ({"flags": {"--engine": "scripted", "--model": "a.gguf"}}, ("is for kind llamacpp",)),
    ({"flags": {"--store": "mysql://x"}}, ("--store", "sqlite:///FILE")),
    ({"sets": ["http.port"]}, ("expected section.name=value",)),
    ({"sets": ["http.prot=1"]}, ("did you mean http.port?",)),
    ({"sets": ["models[].name=x"]}, ("unknown setting",)),
    ({"sets": ["engine.paralel=1"]}, ("did you mean engine.parallel?",)),
    ({"sets": ["http.port=1"], "flags": {"--port": "2"}}, ("--port and --set http.port disagree",)),
    ({"sets": ["reasoning.key_retention_s=1"]}, ("--set reasoning.key_retention_s", "keys would end")),
    (
        {"environ": {"ANTIPHON_MODELS": '[{"name": "a", "engine": "b"}]'}},
        ("names no engine: b; there is default",),
    ),
    ({"environ": {"ANTIPHON_MODELS": '[{"name": "a"}, {"name": "a"}]'}}, ("models[1].name is used twice",)),
]


@pytest.mark.parametrize(("given", "words"), REFUSED, ids=[words[-1] for _, words in REFUSED])
def test_wrong_settings_are_refused_in_one_clear_line(given: dict[str, Any], words: tuple[str, ...]) -> None:
    line = refusal(**given)
    assert "\n" not in line
    assert all(word in line for word in words), line


FILES: list[tuple[str, tuple[str, ...]]] = [
    ("[http]\nprot = 1", ("unknown setting http.prot", "did you mean port?")),
    ("[htpp]\nport = 1", ("unknown setting htpp", "did you mean http?")),
    ("http = 1", ("unknown setting http",)),
    ("[http]\nport = '8000'", ("http.port must be: whole number from 0 to 65535", "'8000'")),
    ("[http]\nport = true", ("http.port must be: whole number",)),
    ("[http]\nheartbeat_s = inf", ("seconds above 0",)),
    ("[engines]\nkind = 'chat'", ("engines must be: list of tables",)),
    ("[[engines]]\nname = 'a'", ("engines[0].kind is missing",)),
    ("[[engines]]\nurl = 'http://a'\nkeyy = 'b'", ("unknown setting engines[0].keyy", "did you mean key?")),
    (
        "[[engines]]\nkind='scripted'\n[[engines]]\nkind='scripted'",
        ("engines[1].name is used twice: default",),
    ),
    ("[[auth.keys]]\ntenant = 'a'", ("auth.keys[0].key is missing",)),
    ("port =", ("not TOML",)),
]


@pytest.mark.parametrize(("text", "words"), FILES, ids=[words[0] for _, words in FILES])
def test_wrong_files_are_refused_with_their_name(text: str, words: tuple[str, ...], tmp_path: Path) -> None:
    line = refusal(config=file(tmp_path, text))
    assert all(word in line for word in ("some.toml", *words)), line


def test_refusals_show_no_secret(tmp_path: Path) -> None:
    path = file(tmp_path, "[[auth.keys]]\nkey = ['hush']\n")
    assert "hush" not in refusal(config=path)
    assert "hush" not in refusal(environ={"ANTIPHON_ENGINE_HEADERS": '{"a": ["hush"]}'})
    assert "hush" not in refusal(environ={"ANTIPHON_API_KEYS": "hush,hush"})


# ---------- printing

SECRETS = {
    "ANTIPHON_ENGINE_KEY": "hush-engine",
    "ANTIPHON_ENGINE_URL": "http://user:hush-password@x/v1",
    "ANTIPHON_ENGINE_HEADERS": '{"x-key": "hush-header"}',
    "ANTIPHON_API_KEYS": "hush-client",
}


def test_no_form_prints_a_secret() -> None:
    loaded = load(environ=SECRETS)
    for printed in (as_text(loaded), as_json(loaded), as_toml(loaded)):
        assert "hush" not in printed
        assert "ANTIPHON_ENGINE_KEY" in printed
    assert as_text(loaded).count(MASK) == as_json(loaded).count(MASK) == 4


def test_every_setting_is_printed_with_value_default_and_source() -> None:
    printed = {row["name"]: row for row in json.loads(as_json(load(flags={"--port": "1"})))}
    assert printed["http.port"] == {
        "name": "http.port",
        "value": 1,
        "default": 8000,
        "source": "--port",
        "type": "whole number from 0 to 65535",
        "unit": None,
        "meaning": "TCP port to listen on; 0 takes a free one.",
    }
    lists = {path for path, field in fields().items() if "[]" in path and not path.startswith("engines[]")}
    assert {name.replace("[0]", "[]") for name in printed} == set(fields()) - lists


def test_the_printed_toml_loads_to_the_same_settings(tmp_path: Path) -> None:
    text = (
        '[http]\nport = 1\ncors_origins = ["a\\"b", "ü"]\n'
        '[[engines]]\nname = "a"\nkind = "scripted"\n[[engines]]\nname = "b"\nurl = "http://x/v1"\n'
        '[[models]]\nname = "gpt-5.5"\nengine = "b"\nmodel = "m"\n'
    )
    first = load(config=file(tmp_path, text))
    again = load(config=file(tmp_path, as_toml(first), "again.toml"))
    assert again.settings == first.settings


def test_every_setting_is_documented_in_one_line() -> None:
    described = list(describe_settings())
    assert [path for path, *_ in described] == list(fields())
    for path, words, default, doc in described:
        assert doc.endswith("."), path
        assert len(doc) < 110, path
        assert words, path
        assert default == fields()[path].default, path


def test_variables_name_one_setting_each() -> None:
    regular = [env for field in fields().values() for env in field.env]
    assert len(regular) == len(set(regular))
    assert set(env_names()) == {*regular, "ANTIPHON_MODEL"}
