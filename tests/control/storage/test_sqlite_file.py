"""An SQLite database lies where its owner alone reads it, with all the files beside it."""

import stat
from pathlib import Path

from control.tenants.registry import TenantRegistration
from tests.control.planes import livekit, opened


async def test_the_file_those_beside_it_and_the_folder_made_for_it_are_its_owners_alone(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "state"
    async with opened(f"sqlite:///{folder}/control.db") as plane:
        await plane.registry.register(TenantRegistration("acme", settings=livekit()))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert {"control.db", "control.db-wal"} <= modes.keys()
        assert set(modes.values()) == {0o600}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_a_file_that_all_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "control.db"
    path.touch(mode=0o644)
    async with opened(f"sqlite:///{path}"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
