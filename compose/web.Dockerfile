# The image of the web tier, which also migrates the database. Built in the repository's root:
#   docker build --file compose/web.Dockerfile --tag face-api-web .

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
    # Only a worker decodes pictures and runs models, and these are most of the image.
    && /venv/bin/pip uninstall --yes numpy onnx onnxruntime opencv-python-headless pillow pillow-heif simplejpeg \
    && /venv/bin/python -m compileall -q /app

FROM python:3.11-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin face-api
COPY --from=build /venv /venv
COPY --from=build /app /app
ENV PATH=/venv/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 FACE_API_HOST=0.0.0.0
WORKDIR /app
USER 10001:10001
EXPOSE 8000
# 200 only when the engine and everything that is switched on is ready.
HEALTHCHECK --interval=10s --timeout=8s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health/ready', timeout=7)"]
CMD ["face-api", "serve"]
