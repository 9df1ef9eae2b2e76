"""Every error that the service answers with. A class is one case, its `code` is public and stable.

FaceApiError
├── InvalidInput                                    the caller's; never retried
│   ├── UnreadableRequest · RequestTooSlow · AddressTooLong · HeadersTooLarge · NoImage · NoVideo · InvalidOption
│   ├── UnsupportedImage · UndecodableImage · ImageTooLarge · UploadTooLarge · UnencodableImage
│   └── UnsupportedVideo · InvalidVideo · VideoTooLarge · ResidualFace
├── AccessDenied
│   ├── Unauthenticated · CodeRequired · BasicRefused · KeyRevoked · KeyExpired · MissingScope
│   └── MissingRole · NetworkNotAllowed · CrossOrigin · RateLimited
├── NotFound · MethodNotAllowed · FeatureDisabled · KeyEnded · BatchClosed · BatchUnfinished
├── NothingToUndo · NewerResult · UploadConflict
├── Unavailable                                     retried, with back-off
│   ├── EngineUnavailable · QueueFull · ServiceStopping · JobTimedOut · TooManyStreams · TooManyConnections
│   └── StorageUnavailable · DatabaseUnavailable · SessionsUnavailable · NoAdminPassword · ProviderUnavailable
└── InternalError                                   says nothing of what happened inside
"""

from core.errors.base import FaceApiError as FaceApiError
from core.errors.base import InvalidInput as InvalidInput


class UnreadableRequest(InvalidInput):
    code, title = "unreadable_request", "The request body can't be read"


class RequestTooSlow(InvalidInput):
    code, title = "request_too_slow", "The request did not arrive in time"


class AddressTooLong(InvalidInput):
    code, title = "address_too_long", "The address of the request is too long"


class HeadersTooLarge(InvalidInput):
    code, title = "headers_too_large", "The headers of the request are too large"


class NoImage(InvalidInput):
    code, title, field = "no_image", "No image was sent", "image"


class NoVideo(InvalidInput):
    code, title, field = "no_video", "No video was sent", "video"


class InvalidOption(InvalidInput):
    code, title = "invalid_option", "A parameter is not valid"


class UnsupportedImage(InvalidInput):
    code, title = "unsupported_image", "Not a supported picture format"


class UndecodableImage(InvalidInput):
    code, title, field = "undecodable_image", "The picture does not decode completely", "image"


class ImageTooLarge(InvalidInput):
    code, title = "image_too_large", "The picture has too many pixels"


class UploadTooLarge(InvalidInput):
    code, title = "upload_too_large", "The request body is too large"


class UnencodableImage(InvalidInput):
    code, title, field = "unencodable_image", "The picture does not fit the asked output format", "format"


class UnsupportedVideo(InvalidInput):
    code, title = "unsupported_video", "Not a supported video format"


class InvalidVideo(InvalidInput):
    code, title, field = "invalid_video", "The video does not decode completely", "video"


class VideoTooLarge(InvalidInput):
    code, title = "video_too_large", "The video is too long or has too many pixels"


class ResidualFace(InvalidInput):
    code, title, field = "residual_face", "A face is still found in the masked picture", "image"


class AccessDenied(FaceApiError):
    pass


class Unauthenticated(AccessDenied):
    code, title = "unauthenticated", "Valid credentials are required"


class CodeRequired(AccessDenied):
    code, title = "code_required", "This administrator logs in with a code as well"


class BasicRefused(AccessDenied):
    code, title = "basic_refused", "Whoever logs in with a code can't use HTTP Basic"


class KeyRevoked(AccessDenied):
    code, title = "key_revoked", "This API key has been revoked"


class KeyExpired(AccessDenied):
    code, title = "key_expired", "This API key has expired"


class MissingScope(AccessDenied):
    code, title = "missing_scope", "This API key may not be used for this"


class MissingRole(AccessDenied):
    code, title = "missing_role", "Your role may not do this"


class NetworkNotAllowed(AccessDenied):
    code, title = "network_not_allowed", "This API key may not be used from this address"


class CrossOrigin(AccessDenied):
    code, title = "cross_origin", "A page of another site may not do this"


class RateLimited(AccessDenied):
    code, title = "rate_limited", "Too many requests"


class NotFound(FaceApiError):
    code, title = "not_found", "There is nothing here"


class MethodNotAllowed(FaceApiError):
    code, title = "method_not_allowed", "This method is not allowed here"


class KeyEnded(FaceApiError):
    code, title = "key_ended", "This API key is revoked, has expired or was rotated already"


class BatchClosed(FaceApiError):
    code, title = "batch_closed", "This batch is closed or cancelled"


class BatchUnfinished(FaceApiError):
    code, title = "batch_unfinished", "This batch is not finished"


class NothingToUndo(FaceApiError):
    code, title = "nothing_to_undo", "There is no mask by hand that can be undone here"


class NewerResult(FaceApiError):
    code, title = "newer_result", "Somebody has made a newer result of this image"


class UploadConflict(FaceApiError):
    code, title = "upload_conflict", "The upload is at another place"


class FeatureDisabled(FaceApiError):
    code, title = "tier_off", "This needs a part of the service that is switched off"


class Unavailable(FaceApiError):
    pass


class EngineUnavailable(Unavailable):
    code, title = "engine_unavailable", "The detection engine can't be reached"


class QueueFull(Unavailable):
    code, title = "queue_full", "Too many calls are waiting"


class ServiceStopping(Unavailable):
    code, title = "service_stopping", "The service is being stopped or started anew"


class TooManyStreams(Unavailable):
    code, title = "too_many_streams", "Too many long answers are being sent"


class TooManyConnections(Unavailable):
    code, title = "too_many_connections", "Too many connections are open"


class JobTimedOut(Unavailable):
    code, title = "job_timed_out", "The job took too long"


class StorageUnavailable(Unavailable):
    code, title = "storage_unavailable", "The object store can't be reached"


class DatabaseUnavailable(Unavailable):
    code, title = "database_unavailable", "The database can't be reached"


class SessionsUnavailable(Unavailable):
    code, title = "sessions_unavailable", "The sessions can't be reached; HTTP Basic still works"


class ProviderUnavailable(Unavailable):
    code, title = "provider_unavailable", "The identity provider can't be reached"


class NoAdminPassword(Unavailable):
    code, title = "no_admin_password", "There is no administrator until FACE_API_ADMIN_PASSWORD is set"


class InternalError(FaceApiError):
    code, title = "internal_error", "Something went wrong inside the service"


def leaves(cls: type[FaceApiError] = FaceApiError) -> list[type[FaceApiError]]:
    """Return every class of the tree that can be raised."""
    below = [leaf for child in cls.__subclasses__() for leaf in leaves(child)]
    return below or [cls]
