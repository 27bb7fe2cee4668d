"""The spool: what is in it stays, in order, bounded, and no other tenant's."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from worker.usage.spool import Spool, is_in_memory


def _record(job: str, tenant: str = "acme") -> dict[str, Any]:
    return {"tenant": tenant, "job_id": job}


def _jobs(spool: Spool) -> list[str]:
    return [waiting.record["job_id"] for waiting in spool.oldest_first()]


def test_records_come_out_oldest_first_also_after_a_restart(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "acme")
    for job in ("b", "a", "c"):
        spool.put(_record(job))
    assert _jobs(spool) == ["b", "a", "c"]
    assert _jobs(Spool(tmp_path, "acme")) == ["b", "a", "c"]


def test_a_record_that_was_taken_is_gone(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "acme")
    spool.put(_record("a"))
    spool.put(_record("b"))
    spool.remove(next(iter(spool.oldest_first())))
    assert _jobs(spool) == ["b"]
    assert len(Spool(tmp_path, "acme")) == 1


def test_a_full_spool_keeps_what_it_has_and_says_so_loudly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(tmp_path, "acme", most=2)
    assert spool.put(_record("a"))
    assert spool.put(_record("b"))
    assert not spool.put(_record("c"))
    assert _jobs(spool) == ["a", "b"]
    assert [r.levelno for r in caplog.records] == [logging.ERROR]
    assert "full" in caplog.text


def test_another_tenants_record_is_neither_sent_nor_thrown_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Spool(tmp_path, "globex").put(_record("theirs", "globex"))
    spool = Spool(tmp_path, "acme")
    spool.put(_record("ours"))
    assert _jobs(spool) == ["ours"]
    assert len(list(tmp_path.glob("*.json"))) == 2
    assert "another tenant" in caplog.text


def test_a_record_that_was_half_written_when_the_power_went_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / "0001-a.half").write_text('{"tenant": "acme", "job')
    (tmp_path / "0002-b.json").write_text('{"tenant": "acme", "job')
    assert _jobs(Spool(tmp_path, "acme")) == []
    assert not list(tmp_path.glob("*.half"))


def test_whoever_counts_is_told_of_each_change(tmp_path: Path) -> None:
    counts: list[int] = []
    spool = Spool(tmp_path, "acme", on_count=counts.append)
    spool.put(_record("a"))
    spool.remove(next(iter(spool.oldest_first())))
    assert counts == [0, 1, 0]


def test_a_jobs_id_cannot_leave_the_folder(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", "acme")
    spool.put(_record("../../evil"))
    assert [p.parent for p in tmp_path.rglob("*.json")] == [tmp_path / "spool"]
    assert json.loads(next((tmp_path / "spool").glob("*.json")).read_text())["tenant"] == "acme"


def test_a_folder_in_memory_is_told_from_one_on_disk(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "1 0 8:1 / / rw - ext4 /dev/sda rw\n"
        f"2 1 0:9 / {tmp_path}/ram rw,nosuid shared:2 - tmpfs tmpfs rw\n"
        f"3 1 8:2 / {tmp_path}/ram/disk rw - ext4 /dev/sdb rw\n"
    )
    assert is_in_memory(tmp_path / "ram" / "state", mounts)
    assert not is_in_memory(tmp_path / "ram" / "disk" / "state", mounts)
    assert not is_in_memory(tmp_path / "rambling", mounts)
