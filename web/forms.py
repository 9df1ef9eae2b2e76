"""Parts of multipart forms as people send them: names in any encoding, and pictures without a file name.

werkzeug refuses a whole form for one byte that is not UTF-8, and takes for text whatever has no file name.
"""

import io
import re
from collections.abc import Iterator
from typing import IO, Any, NoReturn

from werkzeug.datastructures import FileStorage, Headers
from werkzeug.formparser import FormDataParser, MultiPartParser
from werkzeug.sansio.multipart import HEADER_CONTINUATION_RE, Data, Epilogue, Event, Field, File, MultipartDecoder
from werkzeug.sansio.multipart import NeedData as NeedsData

from core.errors import InvalidOption, NoImage
from core.errors.problems import FieldProblem

PICTURE_FIELDS = ("image", "images")
PICTURE_TYPE = re.compile(r"image/|application/octet-stream\b", re.IGNORECASE)
MAX_HEAD_BYTES = 8192  # chosen: of a part's headers, as of a request's; each line takes far more memory than bytes
# chosen: as of JSON; of a longer form, which werkzeug takes at any length, it makes 60 times as many bytes in memory
MAX_TEXTS_BYTES = 64 * 1024
NAME_ENCODINGS = ("utf-8", "cp949")  # what clients write; of other encodings Latin-1 reads each byte as something
CONTROLS = dict.fromkeys(range(128, 160), "�")
NO_NAME = "A part of the form has no name"
NOT_TEXT = (
    "Send the picture itself as a file of multipart/form-data, as curl -F image=@photo.jpg does, and no text such as"
    " its address: the part of a file has a file name, or a type such as image/jpeg"
)


class PartDecoder(MultipartDecoder):
    """werkzeug's decoder, for headers in any bytes."""

    def next_event(self) -> Event:
        """Return the next event; a picture is a file, whether it has a file name or not."""
        event = super().next_event()
        if isinstance(event, Field | File) and not event.name:
            raise InvalidOption(NO_NAME.lower(), problems=(FieldProblem("", NO_NAME),))
        if isinstance(event, Field) and event.name in PICTURE_FIELDS and _is_picture(event.headers):
            return File(event.name, "", event.headers)
        return event

    def _parse_headers(self, data: bytes | bytearray) -> Headers:
        """Split a part's headers into names and values."""
        if len(data) > MAX_HEAD_BYTES:
            raise ValueError("the headers of a part are too long")
        lines = (line.strip(b" \t") for line in HEADER_CONTINUATION_RE.sub(b" ", data).splitlines())
        pairs = (_decode(line).partition(":") for line in lines if line)
        return Headers([(name.strip(" \t"), value.strip(" \t")) for name, _, value in pairs])


class PartParser(MultiPartParser):
    """werkzeug's parser, which can't be told to use another decoder."""

    def parse(self, stream: IO[bytes], boundary: bytes, content_length: int | None) -> Any:
        """Return the texts and the files of a form."""
        decoder = PartDecoder(boundary, self.max_form_memory_size, max_parts=self.max_form_parts)
        texts: list[tuple[str, str]] = []
        files: list[tuple[str, FileStorage]] = []
        part: Field | File | None = None
        content: IO[bytes] | bytearray = bytearray()
        for event in self._events(decoder, stream):
            if isinstance(event, Field | File):
                part = event
                content = self.start_file_streaming(event, content_length) if isinstance(event, File) else bytearray()
            elif isinstance(event, Data) and isinstance(part, File) and not isinstance(content, bytearray):
                content.write(event.data)
                if not event.more_data:
                    content.seek(0)
                    files.append((part.name, FileStorage(content, part.filename, part.name, headers=part.headers)))
            elif isinstance(event, Data) and isinstance(part, Field) and isinstance(content, bytearray):
                content += event.data
                if self.max_form_memory_size is not None and len(content) > self.max_form_memory_size:
                    _refuse_text(part.name)
                if not event.more_data:
                    texts.append((part.name, content.decode(self.get_part_charset(part.headers), "replace")))
        return self.cls(texts), self.cls(files)

    def _events(self, decoder: PartDecoder, stream: IO[bytes]) -> Iterator[Event]:
        data: bytes | None = b""
        while data is not None:
            data = stream.read(self.buffer_size) or None
            decoder.receive_data(data)
            while not isinstance(event := decoder.next_event(), Epilogue | NeedsData):
                yield event


class TolerantFormParser(FormDataParser):
    """Parses multipart forms as people send them, and short forms of texts."""

    def _parse_urlencoded(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str]
    ) -> Any:
        body = bytearray()
        while len(body) <= MAX_TEXTS_BYTES and (data := stream.read(MAX_TEXTS_BYTES + 1 - len(body))):
            body += data
        if len(body) > MAX_TEXTS_BYTES:
            body.decode()  # a picture as it is fails here
            raise NoImage(NOT_TEXT)
        return super()._parse_urlencoded(io.BytesIO(body), mimetype, content_length, options)

    def _parse_multipart(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str]
    ) -> Any:
        parser = PartParser(
            self.stream_factory, self.max_form_memory_size, self.cls, max_form_parts=self.max_form_parts
        )
        boundary = options.get("boundary", "").encode("ascii")
        if not boundary:
            raise ValueError("Content-Type names no boundary; leave that header to your HTTP client")
        return stream, *parser.parse(stream, boundary, content_length)


def _is_picture(headers: Headers) -> bool:
    return bool(PICTURE_TYPE.match(headers.get("Content-Type", "")))


def _decode(line: bytes) -> str:
    """Decode a header line: a file name decides nothing, so it is read as well as it can be."""
    for encoding in NAME_ENCODINGS:
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            pass
    return line.decode("latin-1").translate(CONTROLS)


def _refuse_text(name: str) -> NoReturn:
    if name in PICTURE_FIELDS:
        raise NoImage(NOT_TEXT, problems=(FieldProblem(name, NOT_TEXT),))
    raise InvalidOption.of([FieldProblem(name, "This text is too long")])
