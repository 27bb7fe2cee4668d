#!/bin/sh
# Installs the locked packages into /opt/venv, pip included: all that a plain install writes. The arguments
# are uv's, and say which packages. uv does pip's work here, in a tenth of the time.
set -eu

# An index, or a certificate authority, of the building network.
if [ -f /run/secrets/ca.crt ]; then
    export PIP_CERT=/run/secrets/ca.crt SSL_CERT_FILE=/run/secrets/ca.crt
fi
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_DEFAULT_TIMEOUT=60
export UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_HTTP_TIMEOUT=60 UV_NO_PROGRESS=1

python3 -m venv /opt/venv
/opt/venv/bin/pip install --quiet --target /tmp/uv "uv==${UV_VERSION}"
/tmp/uv/bin/uv export --quiet --frozen --no-default-groups --no-emit-project "$@" \
    --python /opt/venv/bin/python --output-file requirements.txt
index=$(/opt/venv/bin/pip config get global.index-url 2>/dev/null || true)
/tmp/uv/bin/uv pip install --quiet --python /opt/venv/bin/python ${index:+--default-index "$index"} \
    --require-hashes --compile-bytecode --requirement requirements.txt
rm -r /tmp/uv
