"""The rule for names in `settings.agent.env`: what a tenant may set in its worker's environment."""

import re

from contract.variables import PROJECT_VARIABLES, VARIABLES

# Identity, project and provider have places of their own in a row; claims and fingerprints are
# the control plane's to say.
_SAID_ELSEWHERE = frozenset(
    {
        "TENANT_ID",
        *PROJECT_VARIABLES,
        "LIVEKIT_AGENT_NAME",
        "ROOM_PREFIX",
        "FOREIGN_KEY_FINGERPRINTS",
        "CLAIM_PUBLIC_KEY",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "AGENT_CONFIG",
        "MAX_CALLS",
    }
)
_TENANTS = frozenset(variable.name for variable in VARIABLES if variable.tenants)
_HOSTS = frozenset(variable.name for variable in VARIABLES if not variable.tenants)
_FREE = _TENANTS - _SAID_ELSEWHERE
# No lower case: `http_proxy` and its kind, and a shell's exported functions, are not of this form.
_OWN_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,127}")
# Families that somebody obeys, whatever their next member will be called: the interpreter and the C
# library; a shell; whoever looks for files; TLS and HTTP clients; other runtimes; name resolution;
# our own programs and their host; and endings that any library may know.
_OBEYED = re.compile(
    r"""
    (PYTHON|LD_|DYLD_|GLIBC_|MALLOC_|GCONV_|NLSPATH|LOCPATH|LC_|LANG(UAGE)?$|TZ(DIR)?$
    |BASH|SHELL(OPTS)?$|ENV$|IFS$|PS[0-9]$|PROMPT_|CDPATH|PATH$|HOME$|USER$|LOGNAME$|(OLD)?PWD$|TERM
    |TMP|TEMP(DIR)?$|XDG_|VIRTUAL_ENV|PIP_|UV_|CONDA_
    |SSL|OPENSSL|REQUESTS_|CURL_|NETRC|GRPC_|AIOHTTP_|HTTPX_|WEBSOCKETS_
    |OPENBLAS_|OMP_|MKL_|NUMEXPR_|RUST_|JAVA_|NODE_|PERL|RUBY|GIT_|SSH_
    |RES_OPTIONS|LOCALDOMAIN|HOSTALIASES|RESOLV_
    |LIVEKIT_|CONTROL_|LAUNCHER|CLAIM_PRIVATE_|OPERATOR_|DOCKER_|KUBERNETES_
    |.*_PROXY$|.*_PRELOAD$|.*_CA_BUNDLE$|.*_CERTS?$|.*_FILE$)
    """,
    re.VERBOSE,
)


def find_name_fault(name: str) -> str | None:
    """Say why a name may not stand in a tenant's env; None where it may."""
    if name in _FREE:
        return None
    if name in _SAID_ELSEWHERE or name.startswith("LIVEKIT_"):
        return f"{name} does not belong here: it follows from the other settings"
    if name in _HOSTS or name.startswith("CONTROL_"):
        return f"{name} does not belong here: whoever runs the worker sets it"
    if not _OWN_NAME.fullmatch(name):
        return f"{name!r} is no name of a tenant's own, which is like CRM_URL"
    if _OBEYED.match(name):
        return f"{name} does not belong here: a program obeys it before it is the agent's"
    return None
