# Stands in for nginx:1.28-alpine.
FROM debian:trixie
RUN apt-get update -qq \
    && apt-get install -qq --yes --no-install-recommends nginx-light busybox-static \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt \
    && ln -s /bin/busybox /usr/local/bin/wget
