"""A small REST API for the example: ``python server.py [PORT]``. It counts requests, and how many run at once."""

from __future__ import annotations

import datetime
import json
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

STATIONS = [
    {"id": name.lower(), "name": name, "altitude": 100.0 * number}
    for number, name in enumerate(["Bergen", "Lima", "Oslo", "Quito", "Ulm"])
]

READINGS = [
    {
        "station": station["id"],
        "day": str(datetime.date(2024, 6, 1) + datetime.timedelta(days=day)),
        "celsius": (number * 7 + day * 3) % 40 - 5.0,
    }
    for number, station in enumerate(STATIONS)
    for day in range(100)
]

ROWS = {"stations": STATIONS, "readings": READINGS}

PAGE = 50
"""Rows of a page."""


class Server(ThreadingHTTPServer):
    """The API.

    Attributes:
        requests: path and parameters of each request so far.
        most: so many requests have run at once.
        delay: seconds that each answer takes.
    """

    daemon_threads = True

    def __init__(self, port: int = 0, delay: float = 0.0):
        super().__init__(("127.0.0.1", port), Handler)
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.most = 0
        self.delay = delay
        self.running = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_GET(self) -> None:
        """Answer with a page."""
        with self.server.lock:
            self.server.running += 1
            self.server.most = max(self.server.most, self.server.running)
        time.sleep(self.server.delay)
        url = urllib.parse.urlsplit(self.path)
        name, query = url.path.strip("/"), dict(urllib.parse.parse_qsl(url.query))
        with self.server.lock:
            self.server.requests.append((name, dict(query)))
            self.server.running -= 1
        page = int(query.pop("page", 1)) - 1
        if name not in ROWS:
            self.send_error(404)
            return
        rows = [row for row in ROWS[name] if all(str(row[key]) == value for key, value in query.items())]
        self.answer({"items": rows[page * PAGE : (page + 1) * PAGE], "pages": max(1, -(-len(rows) // PAGE))})

    def answer(self, content: Any) -> None:
        """Send JSON."""
        data = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


if __name__ == "__main__":
    with Server(int(sys.argv[1]) if len(sys.argv) > 1 else 8000) as server:
        print(f"listening on {server.url}")
        server.serve_forever()
