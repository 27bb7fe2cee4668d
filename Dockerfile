# One tenant's worker. Builds on Debian's Python image, and on any Debian with python3 (3.11 to 3.13) and
# its venv. From 3.12 on a call costs some 10 MiB less.
ARG BASE_IMAGE=docker.io/library/python:3.13-slim-trixie

# A plain venv with the locked packages, all that `pip install` writes, pip included: what the finished
# image is measured against. uv does pip's work here, in a tenth of the time.
FROM ${BASE_IMAGE} AS plain
ARG UV_VERSION=0.13.9
WORKDIR /build
COPY pyproject.toml uv.lock ./
# The secrets are optional: an index, or a certificate authority, of the building network.
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca,target=/run/secrets/ca.crt \
    --mount=type=cache,target=/root/.cache \
    set -eu; \
    if [ -f /run/secrets/ca.crt ]; then \
        export PIP_CERT=/run/secrets/ca.crt SSL_CERT_FILE=/run/secrets/ca.crt; \
    fi; \
    export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_DEFAULT_TIMEOUT=60 \
        UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_HTTP_TIMEOUT=60 UV_NO_PROGRESS=1; \
    python3 -m venv /opt/venv; \
    /opt/venv/bin/pip install --quiet --target /tmp/uv "uv==${UV_VERSION}"; \
    /tmp/uv/bin/uv export --quiet --frozen --no-default-groups --no-emit-project \
        --python /opt/venv/bin/python --output-file requirements.txt; \
    index=$(/opt/venv/bin/pip config get global.index-url 2>/dev/null || true); \
    /tmp/uv/bin/uv pip install --quiet --python /opt/venv/bin/python ${index:+--default-index "$index"} \
        --require-hashes --compile-bytecode --requirement requirements.txt; \
    rm -r /tmp/uv

# The same without what no call needs: installers, tests, headers, stubs, manuals, Perl, Debian's lists.
FROM plain AS lean
RUN set -eu; \
    stdlib=$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))'); \
    venv=$(/opt/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'); \
    for packages in "$venv" "$stdlib/site-packages" /usr/lib/python3/dist-packages; do \
        rm -rf "$packages"/pip "$packages"/pip-* "$packages"/setuptools "$packages"/setuptools-* \
            "$packages"/pkg_resources "$packages"/wheel "$packages"/wheel-* \
            "$packages"/_distutils_hack "$packages"/distutils-precedence.pth; \
    done; \
    rm -rf /opt/venv/bin/pip* /opt/venv/bin/[Aa]ctivate* /usr/local/bin/pip* /usr/bin/pip* \
        "$stdlib"/ensurepip "$stdlib"/idlelib "$stdlib"/lib2to3 "$stdlib"/test "$stdlib"/tkinter \
        "$stdlib"/turtledemo /opt/venv/include /usr/share/python-wheels; \
    find "$venv" -depth -type d -name tests -exec rm -rf {} +; \
    find "$venv" -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.[ach]' \
        -o -name '*.hpp' -o -name '*.lib' \) -delete; \
    find /usr/share/doc -type f ! -name copyright -delete; \
    rm -rf /usr/share/man /usr/share/info /usr/share/locale /usr/share/i18n /usr/share/lintian \
        /usr/share/bash-completion /usr/share/perl* /usr/lib/*/perl* /usr/bin/perl* \
        /usr/lib/*/gconv /usr/bin/localedef /usr/bin/apt* /usr/lib/apt /var/lib/apt \
        /var/cache/* /var/log/* /root/.cache /build; \
    echo 'worker:x:10001:10001::/tmp:/usr/sbin/nologin' >> /etc/passwd; \
    echo 'worker:x:10001:' >> /etc/group

# Our own part, byte-compiled, owned by root: the worker can read it and nothing more.
FROM lean AS app
WORKDIR /app
COPY contract contract
COPY project project
COPY bootstrap bootstrap
COPY worker worker
COPY entrypoint.sh healthcheck.py ./
RUN set -eu; \
    chmod -R u=rwX,go=rX .; \
    chmod 0755 entrypoint.sh; \
    mkdir -m 0700 /state; \
    /opt/venv/bin/python -m compileall -q .

# One layer of everything below ours: what was removed above is not carried along underneath.
FROM scratch
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="livekit-tenant-worker" \
      org.opencontainers.image.description="One client company's LiveKit voice agents, on that client's own LiveKit project and nowhere else." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=lean / /
COPY --from=app /app /app
# Where a named volume for STATE_DIR is mounted: a new volume takes over this folder's owner.
COPY --from=app --chown=10001:10001 /state /state
ENV PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 10001:10001
EXPOSE 8081
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/opt/venv/bin/python", "-I", "-S", "/app/healthcheck.py"]
ENTRYPOINT ["/app/entrypoint.sh"]
