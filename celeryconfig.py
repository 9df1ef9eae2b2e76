"""Celery's settings. Those that depend on the service's own settings are set in core/engine/client.py."""

from core.system import sockets

task_serializer = "json"  # a token and options; never a pickle, which runs what it holds
accept_content = ["json"]
task_ignore_result = True  # the answer goes back on the caller's own list, without a result backend
task_acks_late = True  # a worker takes no more than it works on; one that is stopped gives back the rest
task_reject_on_worker_lost = False  # but a picture that kills its worker is not tried on the next one as well
worker_prefetch_multiplier = 1  # a waiting call goes to whichever process is free first
task_default_queue = "interactive"
task_create_missing_queues = True
broker_connection_retry_on_startup = True  # the worker may be up before Redis is
broker_connection_max_retries = None  # nor does it end when Redis is away for an hour
broker_pool_limit = 16  # connections that publish at a time in one web process
broker_transport_options = {
    "queue_order_strategy": "priority",  # interactive before batch, in the order of -Q
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
    # A worker waits for work without a time-out of its own: when its machine is cut off it has to notice all the same.
    "socket_keepalive": True,
    "socket_keepalive_options": sockets.keepalive(),
    # What is being worked on stands in the worker's memory only, not in Redis as well, where another worker would find
    # it an hour later: by then no caller waits, and all else is sent again. measured: two of a call's round trips
    "ack_emulation": False,
}
worker_hijack_root_logger = False  # core.observability.logs has set up logging
worker_redirect_stdouts = False
worker_send_task_events = False  # nobody consumes them
task_send_sent_event = False
worker_max_memory_per_child = 2 * 2**20  # KiB; a process that a giant picture has swollen is replaced
worker_cancel_long_running_tasks_on_connection_loss = False
enable_utc = True
# A task that could not run before the next is due is dropped: it would do the same.
beat_schedule = {
    task: {"task": task, "schedule": every_s, "options": {"queue": "maintenance", "expires": every_s}}
    for task, every_s in {
        "reap_batches": 5.0,  # so long a batch waits when Redis has lost its wake-ups
        "reap_videos": 5.0,
        "import_prefixes": 5.0,
        "deliver_webhooks": 5.0,
        "fold_tallies": 60.0,
        "clean_storage": 10.0,
        "expire_images": 60.0,
        "expire_batches": 60.0,
        "expire_videos": 60.0,
        "expire_uploads": 3600.0,
        "remove_batches": 5.0,
        "compare_storage": 86400.0,
    }.items()
}
