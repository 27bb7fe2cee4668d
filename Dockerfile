# Two images: one tenant's worker (the last stage, so what a plain build makes; --target worker), and the control
# plane (--target control). Builds on Debian's Python image, and on any Debian with python3 (3.11 to 3.13) and
# its venv. From 3.12 on a call costs some 10 MiB less.
ARG BASE_IMAGE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE_IMAGE} AS builder
ARG UV_VERSION=0.13.9
WORKDIR /build
COPY pyproject.toml uv.lock image/packages.sh ./

# Plain installs, which the finished images are measured against. The secrets are optional.
FROM builder AS worker-plain
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca,target=/run/secrets/ca.crt \
    --mount=type=cache,target=/root/.cache \
    ./packages.sh

# The control plane runs no agent: what only agents need is left out.
FROM builder AS control-plain
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca,target=/run/secrets/ca.crt \
    --mount=type=cache,target=/root/.cache \
    ./packages.sh --extra control --prune livekit-agents --prune livekit-plugins-openai \
        --prune livekit-local-inference --prune openai --prune httpx2

FROM worker-plain AS worker-lean
RUN --mount=type=bind,source=image,target=/image /image/strip.sh worker 10001

FROM control-plain AS control-lean
RUN --mount=type=bind,source=image,target=/image /image/strip.sh control 10002

# Our own part, byte-compiled, owned by root: whoever runs can read it and nothing more.
FROM worker-lean AS worker-app
WORKDIR /app
COPY contract contract
COPY project project
COPY livekit_tenant livekit_tenant
COPY bootstrap bootstrap
COPY worker worker
COPY entrypoint.sh healthcheck.py ./
RUN chmod -R u=rwX,go=rX . \
    && chmod 0755 entrypoint.sh \
    && mkdir -m 0700 /state \
    && /opt/venv/bin/python -m compileall -q .

# Its checks of tenants are children of its own: bootstrap is their program.
FROM control-lean AS control-app
WORKDIR /app
COPY contract contract
COPY project project
COPY livekit_tenant livekit_tenant
COPY bootstrap bootstrap
COPY control control
COPY healthcheck.py ./
RUN chmod -R u=rwX,go=rX . \
    && mkdir -p /volumes/keys \
    && mkdir -m 0700 /volumes/state /volumes/keys/control /volumes/keys/database \
    && /opt/venv/bin/python -m compileall -q .

FROM scratch AS runtime
# As contract/version.py has it; `make image` passes it on.
ARG VERSION
LABEL org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
ENV PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1

# One layer of everything below ours: what was removed above is not carried along underneath.
FROM runtime AS control
LABEL org.opencontainers.image.title="livekit-tenant-control" \
      org.opencontainers.image.description="Knows all client companies, starts their workers and their calls, each on its own LiveKit project."
COPY --from=control-lean / /
COPY --from=control-app /app /app
# Where volumes are mounted: a new volume takes over its folder's owner.
COPY --from=control-app --chown=10002:10002 /volumes /
# A first try keeps its database and keys in the current folder, which must not be searched for code.
ENV PYTHONPATH=/app \
    PYTHONSAFEPATH=1 \
    LAUNCHER=docker
WORKDIR /state
USER 10002:10002
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/opt/venv/bin/python", "-I", "-S", "/app/healthcheck.py", "8080"]
ENTRYPOINT ["/opt/venv/bin/python", "-m", "control"]
CMD ["serve", "--host", "0.0.0.0"]

FROM runtime AS worker
LABEL org.opencontainers.image.title="livekit-tenant-worker" \
      org.opencontainers.image.description="One client company's LiveKit voice agents, on that client's own LiveKit project and nowhere else."
COPY --from=worker-lean / /
COPY --from=worker-app /app /app
# Where a named volume for STATE_DIR is mounted: a new volume takes over this folder's owner.
COPY --from=worker-app --chown=10001:10001 /state /state
WORKDIR /app
USER 10001:10001
EXPOSE 8081
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/opt/venv/bin/python", "-I", "-S", "/app/healthcheck.py"]
ENTRYPOINT ["/app/entrypoint.sh"]
