# The image of the worker, which maintenance and beat run from as well. Built in the repository's root:
#   docker build --file compose/worker.Dockerfile --tag face-api-worker .
# No model is inside, because not everybody may use every one: they lie in the volume /weights.

FROM python:3.11-slim AS build
WORKDIR /app
COPY setup.cfg pyproject.toml requirements.hashed.lock README.md LICENSE celeryconfig.py ./
COPY core core
COPY web web
COPY worker worker
COPY admin admin
COPY clients/python/face_api_client clients/python/face_api_client
COPY migrations migrations
COPY weights/manifest.toml weights/manifest.toml
RUN python -m venv /venv \
    # Each package only if it has the hash of the lock file; what builds the service itself is among them.
    && /venv/bin/pip install --no-cache-dir --require-hashes --no-deps --requirement requirements.hashed.lock \
    && /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
    && /venv/bin/python -m compileall -q /app

FROM python:3.11-slim
# A new volume takes the owner of the folder on which it is mounted.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin face-api \
    && install --directory --owner=10001 --group=10001 /weights
COPY --from=build /venv /venv
COPY --from=build /app /app
ENV PATH=/venv/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 FACE_API_WEIGHTS_DIR=/weights
# ONNX Runtime would tell its makers of every start; only the environment stops that before it is imported.
ENV ORT_DISABLE_TELEMETRY=1
WORKDIR /app
USER 10001:10001
VOLUME /weights
# Asks this container's own worker, through the first Redis, from which queues it takes tasks. The app is not loaded for that.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD CELERY_BROKER_URL="${FACE_API_REDIS_URL%%,redis*}" celery inspect active_queues --json --timeout=5 \
        --destination="celery@$HOSTNAME" | grep --quiet interactive
CMD ["face-api", "worker"]
