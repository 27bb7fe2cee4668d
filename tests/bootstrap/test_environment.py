"""The process's environment: what is set apart, and what is kept for code that runs later."""

import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap.scrubbing import scrubbed
from bootstrap.settings.settings import WorkerSettings, read
from contract.variables import VARIABLES
from tests.bootstrap.tenants import GOOD, SECRET, env_file, settings_of
from tests.worker.memory import copies_in_memory

_ROOT = Path(__file__).parent.parent.parent

_SDKS = (
    "LIVEKIT_AGENT_NAME_OVERRIDE",
    "LIVEKIT_INFERENCE_URL",
    "LIVEKIT_INFERENCE_API_KEY",
    "LIVEKIT_INFERENCE_API_SECRET",
    "LIVEKIT_OBSERVABILITY_URL",
    "LIVEKIT_TOKEN",
    "LIVEKIT_WORKER_TOKEN",
    "LIVEKIT_AGENT_DEPLOYMENT",
    "LIVEKIT_DEV_MODE",
    "PROMETHEUS_MULTIPROC_DIR",
)
_CONTROLS = (
    "CONTROL_TOKEN",
    "CONTROL_SEALING_KEY",
    "CLAIM_PRIVATE_KEY",
    "OPERATOR_LIVEKIT_API_KEY",
)
_FULL = {
    **{variable.name: "x" for variable in VARIABLES},
    **{f"{variable.name}_FILE": "x" for variable in VARIABLES if variable.takes_file},
    **dict.fromkeys((*_SDKS, *_CONTROLS), "x"),
}
_SET = {"OPENBLAS_NUM_THREADS": "1", "LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE": "0"}
_OTHERS = {"PATH": "/bin", "HTTPS_PROXY": "http://proxy:3128", "SSL_CERT_FILE": "/ca.crt"}


def test_nothing_of_ours_of_the_sdk_or_of_a_control_plane_is_left() -> None:
    assert scrubbed({**_FULL, **_OTHERS}, settings_of()) == {**_OTHERS, **_SET}


def test_the_tenants_own_code_finds_the_provider_and_nothing_else_of_ours() -> None:
    settings = settings_of(AGENT="acme_agent:answer", OPENAI_BASE_URL="https://llm.example.com/v1")
    given = {**_FULL, **_OTHERS, "OPENAI_ORG_ID": "org", "CRM_TOKEN": "crm"}
    assert scrubbed(given, settings) == {
        **_OTHERS,
        **_SET,
        "OPENAI_API_KEY": GOOD["OPENAI_API_KEY"],
        "OPENAI_BASE_URL": "https://llm.example.com/v1",
        "OPENAI_ORG_ID": "org",
        "CRM_TOKEN": "crm",
    }


def test_the_tenants_own_code_finds_a_key_that_came_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-from-a-file-01\n")
    settings = settings_of(
        AGENT="acme_agent:answer", OPENAI_API_KEY="", OPENAI_API_KEY_FILE=str(tmp_path / "key")
    )
    assert scrubbed({}, settings)["OPENAI_API_KEY"] == "sk-from-a-file-01"


@pytest.mark.parametrize("agent", ["", "acme_agent:answer"])
def test_an_env_files_other_variables_are_there_as_docker_would_have_them(
    agent: str, tmp_path: Path
) -> None:
    path = env_file(tmp_path, "CRM_TOKEN=crm\nOPENAI_ORG_ID=org\nLIVEKIT_TOKEN=t", AGENT=agent)
    settings = read({}, path)
    assert isinstance(settings, WorkerSettings)
    kept = scrubbed({"OPENAI_API_KEY": "another-tenants", "OPENAI_PROJECT_ID": "p"}, settings)
    provider = {"OPENAI_API_KEY": GOOD["OPENAI_API_KEY"], "OPENAI_ORG_ID": "org"} if agent else {}
    assert kept == {**_SET, "CRM_TOKEN": "crm", **provider}


_SCRUB = """
import os
from pathlib import Path
from bootstrap import environment, scrubbing
from bootstrap.settings.settings import read
scrubbing.scrub(read(environment.current()))
print(Path("/proc/self/environ").read_text(errors="replace"), dict(os.environ))
pid = os.fork()
if pid == 0:
    print(Path("/proc/self/environ").read_text(errors="replace"), dict(os.environ), flush=True)
    os._exit(0)
os.waitpid(pid, 0)
os.execvp("env", ["env"])
"""


@pytest.mark.integration
def test_neither_the_process_nor_its_children_show_what_it_was_started_with() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _SCRUB],
        env={**GOOD, "PATH": "/usr/bin:/bin", "KEPT": "kept-value", "LANG": "C.UTF-8"},
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert SECRET not in ran.stdout + ran.stderr
    assert GOOD["OPENAI_API_KEY"] not in ran.stdout
    assert ran.stdout.count("kept-value") >= 5


_SET_APART = """
import os
from bootstrap import environment
environment.set_apart()
print("begun again", "USAGE_SECRET" in os.environ, flush=True)
input()
print(ascii(environment.as_started()["USAGE_SECRET"]))
before = len(os.listdir("/proc/self/fd"))
environment.forget_set_apart()
print(len(os.listdir("/proc/self/fd")) - before, environment.as_started() == dict(os.environ))
"""


def test_a_usage_secret_is_moved_out_of_the_processs_memory_and_read_as_it_was() -> None:
    canary = "canary-of-the-usage-secret"
    secret = f" {canary} =\n\u2026\udcff "
    program = subprocess.Popen(
        [sys.executable, "-c", _SET_APART],
        env={"USAGE_SECRET": secret, "LANG": "C.UTF-8"},
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with program:
        assert program.stdout
        assert program.stdout.readline() == "begun again False\n"
        assert copies_in_memory(program.pid, canary) == 0
        out, _ = program.communicate("go on\n", timeout=60)
    assert out.splitlines() == [ascii(secret), "-1 True"]


def test_the_program_begins_again_without_a_usage_secret_before_it_does_anything(
    tmp_path: Path,
) -> None:
    tells = "import os\nprint('USAGE_SECRET' in os.environ, flush=True)\n"
    (tmp_path / "sitecustomize.py").write_text(tells)
    ran = subprocess.run(
        [sys.executable, "-m", "bootstrap", "--help"],
        env={"USAGE_SECRET": "s" * 32, "PYTHONPATH": str(tmp_path)},
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("True\nFalse\nusage: ")
