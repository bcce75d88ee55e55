"""Two threads fetch pages through one pool of connections."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpcore


class Hello(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *arguments: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Hello)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()


def fetch(http: httpcore.ConnectionPool) -> None:
    for _ in range(3):
        http.request("GET", f"http://127.0.0.1:{server.server_port}/")


with httpcore.ConnectionPool() as http:
    fetchers = [threading.Thread(target=fetch, args=(http,)) for _ in range(2)]
    for fetcher in fetchers:
        fetcher.start()
    for fetcher in fetchers:
        fetcher.join()
server.shutdown()
