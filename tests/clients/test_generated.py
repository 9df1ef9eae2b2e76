"""What the Python client has of the service is what the service has; its two variants are one."""

import inspect

import face_api_client
from tests.clients import generated, typescript
from tests.descriptions import called

# What is made of several operations, or of one in another way.
HELPERS = {
    *("wait_for_batch", "upload_files", "all_items", "finished_items"),
    *("watch_video", "wait_for_video", "upload_video", "create_video_from_upload", "create_video_from_bucket", "close"),
}


def test_client_is_up_to_date() -> None:
    """`python -m tests.clients.generated` renews what differs."""
    assert {path.name for path, text in generated.files().items() if path.read_text() != text} == set()


def test_variants_have_the_same_calls() -> None:
    def calls(client: type) -> dict[str, list[str]]:
        methods = inspect.getmembers(client, inspect.isfunction)
        return {name: list(inspect.signature(method).parameters) for name, method in methods if name[0] != "_"}

    asynchronous, synchronous = calls(face_api_client.AsyncClient), calls(face_api_client.Client)
    assert asynchronous.pop("aclose") == synchronous.pop("close")
    assert asynchronous == synchronous and len(synchronous) > 25


def test_calls_are_named_as_the_operations() -> None:
    names = {name for name, _ in inspect.getmembers(face_api_client.Client, inspect.isfunction) if name[0] != "_"}
    operations = {operation["operationId"] for operation in called(typescript.description()).values()}
    assert names - HELPERS <= operations and names >= HELPERS
