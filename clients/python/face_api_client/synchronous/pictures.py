# Made by `python -m tests.clients.generated` from asynchronous/pictures.py: change it there.
"""Calls about one picture."""

import json
from typing import Any, Unpack

import httpx

from face_api_client import files, responses
from face_api_client.synchronous.transport import Calls
from face_api_client.files import Source
from face_api_client.options import DetectOptions, MaskOptions
from face_api_client.pictures import DetectResult, Health, MaskedImage, MaskReport
from face_api_client.retries import FailedAttempt

REGIONS = ("mask_regions", "keep_regions")


class PictureCalls(Calls):
    def get_health(self) -> Health:
        """Return whether the service is ready; one that is not is no error, one that can't be reached is."""
        try:
            response = self._transport.http.get("/health")
        except httpx.TransportError as error:
            raise FailedAttempt.of_transport(error).error from error
        return responses.decode(Health, response)

    def detect_faces(self, image: Source, **options: Unpack[DetectOptions]) -> DetectResult:
        """Find the faces of a picture: a path, or the bytes of a file."""
        return responses.decode(DetectResult, self._send_image("/api/v1/detect", image, dict(options)))

    def mask_image(self, image: Source, **options: Unpack[MaskOptions]) -> MaskedImage:
        """Mask the faces of a picture: a path, or the bytes of a file."""
        response = self._send_image("/api/v1/mask", image, dict(options))
        try:
            report = MaskReport.of_headers(response.headers)
        except (KeyError, ValueError) as error:
            raise responses.not_the_service(response.status_code) from error
        return MaskedImage(response.content, response.headers["Content-Type"], report)

    def _send_image(self, path: str, image: Source, options: dict[str, Any]) -> httpx.Response:
        query = {name: value for name, value in options.items() if name not in REGIONS and value is not None}
        form = {name: json.dumps(list(options[name])) for name in REGIONS if options.get(name) is not None}

        def attempt() -> httpx.Response:
            with files.opened(image) as file:
                part = files.part_of(files.name_of(image), file)
                return self._transport.http.post(path, params=query, data=form, files={"image": part})

        # The service may store each picture that it is sent: none is sent again that may have arrived.
        return self._transport.send(attempt, is_repeatable=False)
