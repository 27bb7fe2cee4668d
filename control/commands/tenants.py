"""`python -m control tenants …`: the registry from a terminal."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from contract.exits import ExitCode
from contract.programs import CONTROL
from contract.records.report import Mark, ReportLine
from control import settings
from control.http.schemas import show_tenant
from control.plane import Plane, open_plane
from control.storage.migrate import migrate
from control.tenants.env_file import TenantEnvFile, read_env_file
from control.tenants.preflight import TenantCheck
from control.tenants.registry import RegistrationRefused, SharedKey, TenantRegistration
from control.tenants.tenant import Tenant

Answer = TypeVar("Answer")

_HEADS = ("tenant", "project", "key", "last check", "what is wrong")

tenants = typer.Typer(help="Register, list, check and remove tenants.", no_args_is_help=True)

_ControlEnvFile = Annotated[
    Path | None,
    typer.Option("--control-env-file", help="Settings of the control plane, instead of exporting."),
]
_Id = Annotated[str, typer.Argument(help="The tenant's id, like acme.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@asynccontextmanager
async def _opened(control_env_file: Path | None) -> AsyncIterator[Plane]:
    plane = open_plane(settings.read(control_env_file))
    try:
        await migrate(plane.database)
        yield plane
    finally:
        await plane.database.close()


def _with_plane(env_file: Path | None, work: Callable[[Plane], Awaitable[Answer]]) -> Answer:
    async def run() -> Answer:
        async with _opened(env_file) as plane:
            return await work(plane)

    return asyncio.run(run())


@tenants.command("add")
def add(
    tenant_id: _Id,
    env_file: Annotated[Path, typer.Option(help="The tenant's variables, as its container reads.")],
    name: Annotated[str | None, typer.Option(help="The company's name.")] = None,
    control_env_file: _ControlEnvFile = None,
) -> None:
    """Register a tenant, or change it, from the env file that its container would be given."""
    read = read_env_file(env_file, tenant_id)

    async def work(plane: Plane) -> tuple[Tenant, bool]:
        return await plane.registry.register(
            TenantRegistration(tenant_id, name, None, read.settings)
        )

    _tell_registered(read, *_with_plane(control_env_file, work))
    typer.echo(f"  `{CONTROL} tenants check {tenant_id}` asks its project if all is right")


@tenants.command("import")
def import_folder(
    folder: Annotated[Path, typer.Argument(help="A folder of env files, one a tenant.")],
    control_env_file: _ControlEnvFile = None,
) -> None:
    """Register every *.env of a folder; what cannot be registered is named, the others are."""
    if not folder.is_dir() or not (paths := sorted(folder.glob("*.env"))):
        raise RegistrationRefused(f"{folder}: no folder with *.env files")

    async def work(plane: Plane) -> int:
        return sum([await _import_one(plane, path) for path in paths])

    failed = _with_plane(control_env_file, work)
    typer.echo(f"{len(paths) - failed} of {len(paths)} registered")
    if failed:
        raise typer.Exit(ExitCode.CONFIG)


async def _import_one(plane: Plane, path: Path) -> int:
    try:
        read = read_env_file(path)
        wanted = TenantRegistration(read.tenant_id, settings=read.settings)
        _tell_registered(read, *await plane.registry.register(wanted))
    except (RegistrationRefused, SharedKey) as error:
        for problem in error.problems:
            typer.echo(f"{path.name}: {problem}", err=True)
        typer.echo(f"  {error.hint}", err=True)
        return 1
    return 0


@tenants.command("list")
def show_list(as_json: _Json = False, control_env_file: _ControlEnvFile = None) -> None:
    """List tenants: project host, key fingerprint, last check, and what is wrong."""

    async def work(plane: Plane) -> list[tuple[Tenant, TenantCheck | None]]:
        last = await plane.checker.last()
        return [(tenant, last.get(tenant.id)) for tenant in await plane.registry.tenants()]

    found = _with_plane(control_env_file, work)
    if as_json:
        typer.echo(json.dumps([show_tenant(*row) for row in found], indent=2))
        return
    console, shown = Console(), [show_tenant(*row) for row in found]
    table = Table(*_HEADS, box=None, pad_edge=False)
    for tenant in shown:
        table.add_row(*_line(tenant))
    console.print(table)
    # Sentences have the whole width, below.
    for tenant in shown:
        for problem in _problems(tenant):
            console.print(Text(f"{tenant['id']}: {problem}"))


@tenants.command("show")
def show_one(tenant_id: _Id, control_env_file: _ControlEnvFile = None) -> None:
    """Show one tenant as JSON, without its secrets."""

    async def work(plane: Plane) -> dict[str, Any]:
        last = await plane.checker.last()
        return show_tenant(await plane.registry.tenant(tenant_id), last.get(tenant_id))

    typer.echo(json.dumps(_with_plane(control_env_file, work), indent=2))


@tenants.command("remove")
def remove(tenant_id: _Id, control_env_file: _ControlEnvFile = None) -> None:
    """Forget a tenant; its worker is drained, its calls and usage stay on record."""
    _with_plane(control_env_file, lambda plane: plane.registry.remove(tenant_id))
    typer.echo(f"{tenant_id} is removed")


@tenants.command("check")
def check(tenant_id: _Id, as_json: _Json = False, control_env_file: _ControlEnvFile = None) -> None:
    """Run the tenant's preflight; its exit code is this command's."""
    checked = _with_plane(control_env_file, lambda plane: plane.checker.check(tenant_id))
    if as_json:
        typer.echo(json.dumps(dict(checked.report), indent=2))
    else:
        for line in checked.lines:
            _tell_check(line)
        typer.echo(f"{tenant_id}: {checked.verdict}")
    raise typer.Exit(checked.exit_code)


def _tell_registered(read: TenantEnvFile, tenant: Tenant, is_new: bool) -> None:
    host, key = tenant.credentials.host, tenant.credentials.fingerprint
    done = "registered" if is_new else "changed"
    typer.echo(f"{tenant.id} {done}: project {host}, key {key}")
    if read.ignored:
        typer.echo(f"  not the tenant's to set, left out: {', '.join(read.ignored)}")
    for warning in read.warnings:
        typer.echo(f"  warning: {warning}")


def _tell_check(line: ReportLine) -> None:
    typer.echo(f"{line.outcome:<5} {line.title}")
    for text in (line.detail, line.hint):
        if line.outcome is Mark.FAIL and text:
            typer.echo(f"      {text}")


def _problems(shown: Mapping[str, Any]) -> list[str]:
    last = shown["last_check"]
    failed = last["problems"] if last is not None and last["verdict"] == "fail" else ()
    return [*(fault["problem"] for fault in shown["faults"]), *shown["notices"], *failed]


def _line(shown: Mapping[str, Any]) -> tuple[str, ...]:
    project, last = shown["project"] or {}, shown["last_check"]
    checked = "never"
    if last is not None:
        age = "" if last["is_current"] else ", settings changed since"
        checked = f"{last['verdict']} {last['at'][:16]}{age}"
    count = len(_problems(shown))
    wrong = "disabled" if not shown["enabled"] else f"{count}, see below" if count else "nothing"
    host, key = project.get("host", "none"), project.get("key_fingerprint", "")
    return shown["id"], host, key, checked, wrong


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(tenants, name="tenants")
