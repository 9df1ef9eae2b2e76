"""The clients that the composition root makes."""

from core import config, services


def test_every_waiting_call_has_a_redis_connection() -> None:
    made = services.build(config.read(web_threads=320, database_enabled=False, api_key_enabled=False))
    for client in (*made.shards, made.auth_redis):
        assert client.connection_pool.max_connections > 320
    made.close()
