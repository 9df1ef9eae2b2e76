# Stands in for postgres:17-alpine: its user, its folders, and what its entrypoint does at the first start.
FROM debian:trixie
RUN apt-get update -qq \
    && apt-get install -qq --yes --no-install-recommends postgresql-17 busybox-static \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/lib/postgresql \
    && groupadd --gid 70 postgres-group \
    && usermod --uid 70 --gid 70 postgres \
    && install --directory --owner=70 --group=70 --mode=1777 /var/lib/postgresql/data \
    && install --directory --owner=70 --group=70 --mode=3777 /run/postgresql \
    && sed -i "s/^#listen_addresses.*/listen_addresses = '*'/" /usr/share/postgresql/17/postgresql.conf.sample
COPY --chmod=755 postgres.sh /usr/local/bin/
ENV PATH=/usr/lib/postgresql/17/bin:$PATH LANG=C.UTF-8 PGDATA=/var/lib/postgresql/data
VOLUME /var/lib/postgresql/data
ENTRYPOINT ["postgres.sh"]
STOPSIGNAL SIGINT
CMD ["postgres"]
