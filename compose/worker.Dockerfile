# The image of the worker, which maintenance and beat run from as well. Built in the repository's root:
#   docker build --file compose/worker.Dockerfile --tag face-api-worker .
# No model is inside, because not everybody may use every one: they lie in the volume /weights.

# The same steps as in web.Dockerfile: run once for both, and again only when the lock file changes.
FROM python:3.11-slim AS packages
COPY requirements.hashed.lock /
# Each package only if it has the hash of the lock file; what builds the service itself is among them.
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes --no-deps --requirement /requirements.hashed.lock
# Tests of the packages, what only their builders and programs in C need, and a second copy of ONNX Runtime for those.
RUN find /venv -type d '(' -name tests -o -name SelfTest -o -path '*/onnx/backend/test' -o -path '*/onnxruntime/transformers' \
        -o -path '*/numpy/f2py' -o -path '*/numpy/distutils' -o -path '*/sqlalchemy/testing' ')' -prune -exec rm -r '{}' + \
    && find /venv '(' -name 'libonnxruntime.so.*' -o -name '*.pyi' -o -name '*.h' -o -name '*.a' ')' -delete

FROM packages AS build
WORKDIR /app
COPY setup.cfg pyproject.toml README.md LICENSE celeryconfig.py ./
COPY core core
COPY web web
COPY worker worker
COPY admin admin
COPY clients/python/face_api_client clients/python/face_api_client
COPY migrations migrations
COPY weights/manifest.toml weights/manifest.toml
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
    # Only web speaks HTTP, and knows who logs in.
    && /venv/bin/pip uninstall --yes authlib cryptography flask flask-limiter flask-openapi3 flask-openapi3-redoc \
        flask-openapi3-swagger gunicorn jinja2 joserfc werkzeug \
    # Nothing is installed any more.
    && /venv/bin/pip uninstall --yes setuptools pip \
    && /venv/bin/python -m compileall -q /app

FROM python:3.11-slim
# face-api fetches models and runs maintenance and beat; the worker itself, which decodes strangers' pictures, is another
# user and only reads models. A new volume takes the owner of the folder on which it is mounted.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin face-api \
    && useradd --uid 10002 --no-create-home --shell /usr/sbin/nologin face-api-worker \
    && install --directory --owner=10001 --group=10001 /weights
COPY --from=build /venv /venv
COPY --from=build /app /app
ENV PATH=/venv/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 FACE_API_WEIGHTS_DIR=/weights
# ONNX Runtime would tell its makers of every start; only the environment stops that before it is imported.
ENV ORT_DISABLE_TELEMETRY=1
WORKDIR /app
USER 10002:10002
# Asks this container's own worker, through the first Redis, from which queues it takes tasks. The app is not loaded for that.
HEALTHCHECK --interval=30s --timeout=10s --start-period=180s --start-interval=3s --retries=3 \
    CMD CELERY_BROKER_URL="${FACE_API_REDIS_URL%%,redis*}" celery inspect active_queues --json --timeout=5 \
        --destination="celery@$HOSTNAME" | grep --quiet interactive
CMD ["face-api", "worker"]
