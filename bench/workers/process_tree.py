"""The memory and CPU of a process and all its descendants, as the kernel counts them."""

import asyncio
from dataclasses import dataclass

import psutil

_MIB = 1024 * 1024
_SETTLED_SHARE = 0.005
_SETTLE_STEP_SECONDS = 0.5
_SETTLE_DEADLINE_SECONDS = 20.0


@dataclass(frozen=True)
class ProcessTree:
    """A process tree, named by its root."""

    pid: int

    def pss_mib(self) -> float:
        """Sum the proportional set sizes: processes that share a page share its size as well."""
        return sum(_pss(process) for process in self._processes()) / _MIB

    def processes(self) -> int:
        """Count the processes: the root and all its descendants."""
        return len(self._processes())

    async def wait_until_at_most(self, count: int) -> None:
        """Wait up to 20 s until no more than that many processes are left."""
        deadline = asyncio.get_running_loop().time() + _SETTLE_DEADLINE_SECONDS
        while self.processes() > count and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_SETTLE_STEP_SECONDS)

    def cpu_seconds(self) -> float:
        """Sum the user and system time of all processes, and of their children that have ended."""
        return sum(_cpu(process) for process in self._processes())

    async def settled_pss_mib(self) -> float:
        """Wait up to 20 s until two readings half a second apart agree within half a percent."""
        deadline = asyncio.get_running_loop().time() + _SETTLE_DEADLINE_SECONDS
        earlier_mib = self.pss_mib()
        while asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_SETTLE_STEP_SECONDS)
            later_mib = self.pss_mib()
            if abs(later_mib - earlier_mib) <= _SETTLED_SHARE * earlier_mib:
                return later_mib
            earlier_mib = later_mib
        return earlier_mib

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
