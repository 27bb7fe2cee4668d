"""Tenants' networks: one each, made with the first worker and removed with the last."""

import docker

from control.launchers.container import LABEL, Names


def ensure_network(engine: docker.APIClient, tenant: str, fleet: str) -> None:
    """Have the network that only this tenant's workers, and control planes, are on."""
    name = Names(tenant).network
    if not _find(engine, name):
        engine.create_network(
            name,
            driver="bridge",
            labels={f"{LABEL}fleet": fleet, f"{LABEL}tenant": tenant},
            check_duplicate=True,
        )


def remove_network(engine: docker.APIClient, tenant: str) -> None:
    """Remove a tenant's network; control planes that have joined it leave it first."""
    for network_id in _find(engine, Names(tenant).network):
        for container_id in engine.inspect_network(network_id)["Containers"]:
            engine.disconnect_container_from_network(container_id, network_id, force=True)
        engine.remove_network(network_id)


def _find(engine: docker.APIClient, name: str) -> list[str]:
    # Docker's own filter also finds names that only begin so.
    return [str(net["Id"]) for net in engine.networks(names=[name]) if net["Name"] == name]
