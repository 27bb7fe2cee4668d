"""The template: a process in which all that calls need is loaded, and that they are forked from."""

import logging
import socket
from collections.abc import Iterable

from worker import logs
from worker.agent import built_in
from worker.forking import fork_server
from worker.forking.deferral import load_decoders, load_other_pipelines
from worker.forking.rehearsal import rehearse
from worker.forking.warm_up import warm_up

logger = logging.getLogger(__name__)


def prepare(
    *,
    close: Iterable[socket.socket] = (),
    every_pipeline: bool = False,
    decoders: bool = False,
) -> None:
    """Load all that calls will need, and fork the template.

    It may be done while nobody has said yet whom to serve. Has to be called in a process without
    threads, or each call pays for its imports anew, and with the environment that calls shall have.

    Args:
        close: sockets that only the main process may hold.
        every_pipeline: calls use a realtime model, or the tenant's own code may.
        decoders: the tenant's own code may use a voice that sends encoded audio.
    """
    logs.hush()
    obstacles = [warm_up()]
    if every_pipeline:
        load_other_pipelines()
    if decoders:
        load_decoders()
    built_in.tls()
    obstacles += [rehearse(), fork_server.fork_call_server(close)]
    for obstacle in filter(None, obstacles):
        logger.warning("calls start slower and cost more memory: %s", obstacle)
