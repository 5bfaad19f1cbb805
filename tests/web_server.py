"""A server of this machine for tests: files that can be asked for in part, and every way of failing."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Web:
    """What the server has, and how it fails.

    Attributes:
        url: Its address.
        files: Contents by path: ``/a.txt``.
        breaks: Bytes of an answer after which the connection closes, for the next answers in turn.
        codes: Codes to answer with, for the next requests in turn; 200 is the file.
        ranges: Whether it can give a file's rest.
        asked: The requests: path and ``Range``.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    breaks: list[int] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    ranges: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)


@contextlib.contextmanager
def serving() -> Iterator[Web]:
    """Run a server while the block lasts."""
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            span = self.headers.get("Range")
            web.asked.append((self.path, span))
            code = web.codes.pop(0) if web.codes else 200
            content = web.files.get(self.path)
            if code != 200 or content is None:
                self.send_error(code if code != 200 else 404)
                return
            tag = f'"{hash(content)}"'
            begin = 0
            if span and web.ranges and self.headers.get("If-Range") == tag:
                begin = int(span.removeprefix("bytes=").removesuffix("-"))
                self.send_response(206)
                self.send_header(
                    "Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}"
                )
            else:
                self.send_response(200)
            self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(content) - begin))
            self.end_headers()
            end = begin + web.breaks.pop(0) if web.breaks else len(content)
            self.wfile.write(content[begin:end])

        def log_message(self, *_: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
