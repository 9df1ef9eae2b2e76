# The image of the web tier, which also migrates the database. Built in the repository's root:
#   docker build --file compose/web.Dockerfile --tag face-api-web .

# The same steps as in worker.Dockerfile: run once for both, and again only when the lock file changes.
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
    # Only a worker decodes pictures and runs models, and these are most of the image.
    && /venv/bin/pip uninstall --yes av numpy onnx onnxruntime opencv-python-headless pillow pillow-heif simplejpeg \
    # Nothing is installed any more.
    && /venv/bin/pip uninstall --yes setuptools pip \
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
HEALTHCHECK --interval=10s --timeout=8s --start-period=180s --start-interval=1s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health/ready', timeout=7)"]
CMD ["face-api", "serve"]
