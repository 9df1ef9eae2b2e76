"""Client of the Face API: finds and masks faces in pictures and videos, by a service.

>>> with Client("https://faces.example.org", api_key=key) as client:
...     masked = client.mask_image("portrait.jpg", method="pixelate")
...     masked.save("masked.jpg")
"""

from face_api_client.asynchronous.client import AsyncClient
from face_api_client.batches import Batch, BatchItem, NewBatch, UploadReceipt
from face_api_client.deliveries import Delivery
from face_api_client.errors import AccessRefused, ApiError, Rejected, Unavailable
from face_api_client.files import Upload
from face_api_client.pictures import Box, DetectResult, Face, Health, MaskedImage, MaskReport
from face_api_client.records import ImageDetail, Job, JobDetail, Stats, StoredImage
from face_api_client.retries import Retries
from face_api_client.reviews import MaskEdit
from face_api_client.synchronous.client import Client
from face_api_client.videos import AcceptedVideo, TrackedFrame, Video

__all__ = [
    "AcceptedVideo",
    "AccessRefused",
    "ApiError",
    "AsyncClient",
    "Batch",
    "BatchItem",
    "Box",
    "Client",
    "Delivery",
    "DetectResult",
    "Face",
    "Health",
    "ImageDetail",
    "Job",
    "JobDetail",
    "MaskEdit",
    "MaskReport",
    "MaskedImage",
    "NewBatch",
    "Rejected",
    "Retries",
    "Stats",
    "StoredImage",
    "TrackedFrame",
    "Unavailable",
    "Upload",
    "UploadReceipt",
    "Video",
]
