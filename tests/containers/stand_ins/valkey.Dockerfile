# Stands in for valkey/valkey:8-alpine: its user, its folder, and a shell of BusyBox.
FROM debian:trixie
RUN apt-get update -qq \
    && apt-get install -qq --yes --no-install-recommends valkey-server valkey-tools busybox-static \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt \
    && groupadd --force --gid 1000 valkey-group \
    && usermod --uid 999 --gid 1000 valkey \
    && install --directory --owner=999 --group=1000 --mode=1777 /data \
    && ln -sf /bin/busybox /bin/sh
WORKDIR /data
CMD ["valkey-server"]
