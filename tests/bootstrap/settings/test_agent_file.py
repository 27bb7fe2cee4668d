"""AGENT_CONFIG: a file that cannot be used is told with what is wrong in it."""

from pathlib import Path

import pytest

from tests.bootstrap.tenants import faults_of, settings_of


def _write(folder: Path, text: str) -> str:
    path = folder / "agent.yaml"
    path.write_text(text)
    return str(path)


def test_a_yaml_file_configures_the_agent(tmp_path: Path) -> None:
    path = _write(tmp_path, "greeting: Pizza Roma!\nmodels: {llm: small}\n")
    config = settings_of(AGENT_CONFIG=path).agent.config
    assert (config.greeting, config.models.llm) == ("Pizza Roma!", "small")


def test_a_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    path = _write(tmp_path, "\ufeffgreeting: Pizza Roma!\n")
    assert settings_of(AGENT_CONFIG=path).agent.config.greeting == "Pizza Roma!"


def test_an_empty_file_is_the_default(tmp_path: Path) -> None:
    assert settings_of(AGENT_CONFIG=_write(tmp_path, "# later\n")).agent.config.greeting


def test_an_unknown_key_is_told_with_the_nearest_known_one(tmp_path: Path) -> None:
    (fault,) = faults_of(AGENT_CONFIG=_write(tmp_path, "greting: Hi\n"))
    assert fault.variable == "AGENT_CONFIG"
    assert "greting: unknown key; did you mean greeting?" in fault.problem


def test_every_fault_in_the_file_is_a_line_of_its_own(tmp_path: Path) -> None:
    faults = faults_of(AGENT_CONFIG=_write(tmp_path, "greting: Hi\npipeline: fast\nvoice: ''\n"))
    assert [fault.variable for fault in faults] == ["AGENT_CONFIG"] * 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("greeting: 'open\n", "is not YAML (line 2)"),
        ("a: b: c\n", "is not YAML (line 1)"),
        ("- a\n- b\n", "holds no mapping"),
        ("just text\n", "holds no mapping"),
        ("a: \x01\n", "is not YAML"),
        ("!!python/object/apply:os.getpid []\n", "is not YAML"),
        ("greeting: " + "x" * 300_000, "longer than 256 KiB"),
        ("greeting: 2026-11-30\n", "holds what JSON cannot"),
        ("greeting: 2026-13-45\n", "holds a value that cannot be read"),
        ("voice: !!int secret-in-a-wrong-place\n", "holds a value that cannot be read"),
        ("tools: &all [*all]\n", "holds what JSON cannot"),
        ("[" * 5_000, "holds a value that cannot be read"),
    ],
)
def test_what_is_no_configuration_is_refused(text: str, why: str, tmp_path: Path) -> None:
    (fault,) = faults_of(AGENT_CONFIG=_write(tmp_path, text))
    assert why in fault.problem
    assert "secret" not in fault.problem


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (fault,) = faults_of(AGENT_CONFIG=str(tmp_path / "none.yaml"))
    assert "cannot be read: No such file" in fault.problem
    (fault,) = faults_of(AGENT_CONFIG=str(tmp_path))
    assert "is a folder" in fault.problem
    (tmp_path / "agent.yaml").write_bytes(b"greeting: \xff\n")
    (fault,) = faults_of(AGENT_CONFIG=str(tmp_path / "agent.yaml"))
    assert "UTF-8" in fault.problem
