"""The Keycloak of the local stack, without starting it; stack/test_keycloak.py starts one."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from lern_pipeline.cli import parser
from lern_pipeline.local import versions
from lern_pipeline.local.keycloak_server import KeycloakServer, settings_file
from lern_pipeline.local.server import LocalStackError

pytestmark = pytest.mark.rules

HOME = f"keycloak-{versions.KEYCLOAK}"
SERVER = KeycloakServer("http://localhost:8080")


@pytest.fixture
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive, and a Java, that only look like it."""
    java = tmp_path / "java" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.touch()
    (tmp_path / "java" / "release").write_text(f'JAVA_VERSION="{versions.JAVA_PREFERRED}.0.1"\n')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "java"))
    jars = tmp_path / "jars"
    jars.mkdir()
    with zipfile.ZipFile(jars / f"keycloak-quarkus-dist-{versions.KEYCLOAK}.zip", "w") as archive:
        archive.writestr(f"{HOME}/conf/keycloak.conf", "# db=postgres\n")
    return jars


def test_it_is_built_once_and_keeps_its_secrets(jars: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    build, mark, start = SERVER.commands("127.0.0.1", jars, data)
    assert "build" in build and "start" in start
    settings = settings_file(data).read_text()
    Path(mark[1]).touch()
    assert SERVER.commands("127.0.0.1", jars, data) == [start]
    assert settings_file(data).read_text() == settings
    assert KeycloakServer("http://localhost:8081").commands("127.0.0.1", jars, tmp_path / "other")
    assert settings_file(tmp_path / "other").read_text().count("SECRET=") == 1
    assert secret_of(settings_file(tmp_path / "other")) != secret_of(settings_file(data))


def test_what_an_interrupted_build_left_is_not_built_upon(jars: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    SERVER.commands("127.0.0.1", jars, data)
    (data / HOME / "half").touch()
    assert len(SERVER.commands("127.0.0.1", jars, data)) == 3
    assert not (data / HOME / "half").exists()
    (data / HOME / "built").touch()
    (data / HOME / "stored").touch()
    assert len(SERVER.commands("127.0.0.1", jars, data)) == 1
    assert (data / HOME / "stored").exists()


def secret_of(settings: Path) -> str:
    lines = dict(line.removeprefix("export ").split("=", 1) for line in settings.read_text().splitlines())
    return lines["LERN_PIPELINE_SUNBIRD_SSO_CLIENT_SECRET"]


def test_its_secrets_are_nobody_elses_and_no_arguments(jars: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    commands = SERVER.commands("127.0.0.1", jars, data)
    assert data.stat().st_mode & 0o077 == 0
    secret = secret_of(settings_file(data))
    assert len(secret) >= 32
    assert secret in (data / HOME / "data" / "import" / "sunbird-realm.json").read_text()
    configuration = (data / HOME / "conf" / "keycloak.conf").read_text()
    _, _, password = configuration.partition("bootstrap-admin-password=")
    arguments = str(commands)
    assert secret not in arguments
    assert len(password.strip()) >= 32 and password.strip() not in arguments


def test_it_is_bound_to_the_address_that_it_is_given(jars: Path, tmp_path: Path) -> None:
    KeycloakServer("http://127.0.0.5:8090/").commands("127.0.0.5", jars, tmp_path / "data")
    configuration = (tmp_path / "data" / HOME / "conf" / "keycloak.conf").read_text()
    assert "http-host=127.0.0.5\nhttp-port=8090\n" in configuration


@pytest.mark.parametrize("url", ["https://localhost:8443", "http://localhost:8080/auth/"])
def test_an_address_that_it_would_not_answer_at_is_refused(jars: Path, tmp_path: Path, url: str) -> None:
    with pytest.raises(LocalStackError, match="sunbird_sso_url is http"):
        KeycloakServer(url).commands("127.0.0.1", jars, tmp_path / "data")


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://localhost:8080", "localhost", 8080),
        ("https://sso.example.org/auth/", "sso.example.org", 443),
        ("http://sso.example.org", "sso.example.org", 80),
    ],
)
def test_host_and_port_are_the_urls(url: str, host: str, port: int) -> None:
    assert (KeycloakServer(url).host, KeycloakServer(url).port) == (host, port)


@pytest.mark.parametrize(
    ("status", "body", "answers"),
    [
        (200, {"realm": "sunbird", "public_key": "k"}, True),
        (404, {"error": "Realm does not exist"}, False),
        (200, ["sunbird"], False),
    ],
)
def test_it_answers_when_the_realm_is_there(httpserver: HTTPServer, status: int, body: object, answers: bool) -> None:
    httpserver.expect_request("/auth/realms/sunbird").respond_with_json(body, status)
    assert KeycloakServer(httpserver.url_for("/auth/")).answers(5.0) is answers


def test_up_takes_its_name() -> None:
    assert parser().parse_args(["up", "--with", "keycloak"]).also == ["keycloak"]
