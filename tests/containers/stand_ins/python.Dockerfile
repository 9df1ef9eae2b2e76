# Stands in for python:3.11-slim.
FROM debian:bookworm
RUN apt-get update -qq \
    && apt-get install -qq --yes --no-install-recommends python3.11 python3.11-venv ca-certificates netbase tzdata \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY pip.conf /etc/pip.conf
# The published image has a pip beside its Python; Debian's lies in a wheel.
RUN ln -s /usr/bin/python3.11 /usr/local/bin/python \
    && ln -sf /usr/bin/python3.11 /usr/bin/python3 \
    && PYTHONPATH=$(echo /usr/share/python-wheels/pip-*.whl) \
        python -m pip install --quiet --break-system-packages --no-index --find-links /usr/share/python-wheels pip
ENV LANG=C.UTF-8
