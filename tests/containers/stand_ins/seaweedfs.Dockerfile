# Stands in for chrislusf/seaweedfs:4.47: `weed server` is another S3 server, the tests' Swift.
FROM python:3.11-slim
COPY requirements.lock /
RUN apt-get update -qq \
    && apt-get install -qq --yes --no-install-recommends busybox-static \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt \
    && python -m venv /venv \
    && /venv/bin/pip install --quiet --no-cache-dir --constraint /requirements.lock swift setuptools \
    && useradd --create-home --uid 1000 seaweed \
    && install --directory --owner=1000 --group=1000 /data /data/filerldb2 \
    && ln -s /bin/busybox /usr/local/bin/wget \
    && ln -sf /bin/busybox /bin/sh
COPY tests /weed/tests
COPY weed.py weed_filters.py /weed/
RUN printf '#!/bin/sh\nexec env PYTHONPATH=/weed /venv/bin/python /weed/weed.py "$@"\n' >/usr/bin/weed && chmod 755 /usr/bin/weed
USER 1000
VOLUME /data
WORKDIR /data
