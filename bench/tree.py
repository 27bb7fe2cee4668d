"""What a process and all its descendants hold and burn, as the kernel counts it."""

import asyncio
from dataclasses import dataclass

import psutil

_MIB = 1024 * 1024
_SETTLED_SHARE = 0.005
_SETTLE_STEP_SECONDS = 0.5
_SETTLE_DEADLINE_SECONDS = 20.0


@dataclass(frozen=True)
class Tree:
    """A process tree, named by its root."""

    pid: int

    def pss_mib(self) -> float:
        """Sum the proportional set sizes: shared pages count once over all who share them."""
        return sum(_pss(process) for process in self._processes()) / _MIB

    def processes(self) -> int:
        """Count the processes: the root and all its descendants."""
        return len(self._processes())

    async def shrinks_to(self, count: int) -> None:
        """Wait until no more processes than that are left, or patience is."""
        deadline = asyncio.get_running_loop().time() + _SETTLE_DEADLINE_SECONDS
        while self.processes() > count and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_SETTLE_STEP_SECONDS)

    def cpu_seconds(self) -> float:
        """Sum user and system time of all that live, and of their children that are gone."""
        return sum(_cpu(process) for process in self._processes())

    async def settled_pss_mib(self) -> float:
        """Wait until two readings half a second apart agree within half a percent."""
        deadline = asyncio.get_running_loop().time() + _SETTLE_DEADLINE_SECONDS
        before = self.pss_mib()
        while asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_SETTLE_STEP_SECONDS)
            after = self.pss_mib()
            if abs(after - before) <= _SETTLED_SHARE * before:
                return after
            before = after
        return before

    def _processes(self) -> list[psutil.Process]:
        root = psutil.Process(self.pid)
        return [root, *root.children(recursive=True)]


def _pss(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.NoSuchProcess:
        return 0


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
