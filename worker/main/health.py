"""What the worker shows over HTTP: /livez, /readyz, /status, /metrics."""

import socket
from collections.abc import Callable

from aiohttp import web

from contract.records.worker_status import Readiness, WorkerStatus
from worker.metrics import CONTENT_TYPE, WorkerMetrics


class HealthServer:
    """Serves on a socket that listens already, since before the worker was imported."""

    def __init__(
        self,
        readiness: Callable[[], Readiness],
        status: Callable[[], WorkerStatus],
        metrics: WorkerMetrics,
    ) -> None:
        self._readiness = readiness
        self._status = status
        self._metrics = metrics
        self._runner: web.AppRunner | None = None

    async def open(self, listening: socket.socket) -> None:
        """Begin to answer."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/livez", self._livez),
                web.get("/readyz", self._readyz),
                web.get("/status", self._status_json),
                web.get("/metrics", self._metrics_text),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        await web.SockSite(self._runner, listening, shutdown_timeout=0.5).start()

    async def close(self) -> None:
        """Stop answering."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _livez(self, _: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _readyz(self, _: web.Request) -> web.Response:
        readiness = self._readiness()
        return web.json_response(readiness.as_json(), status=200 if readiness.is_ready else 503)

    async def _status_json(self, _: web.Request) -> web.Response:
        return web.json_response(self._status().as_json())

    async def _metrics_text(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.render(), headers={"Content-Type": CONTENT_TYPE})
