"""Threads fetch from three hosts through one pool manager, which keeps the pools of two."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import urllib3


class Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *arguments: object) -> None:
        pass


servers = [ThreadingHTTPServer(("127.0.0.1", 0), Hello) for _ in range(3)]
for server in servers:
    threading.Thread(target=server.serve_forever, daemon=True).start()
http = urllib3.PoolManager(num_pools=2)


def fetch(port: int) -> None:
    for _ in range(2):
        http.request("GET", f"http://127.0.0.1:{port}/")


fetchers = [threading.Thread(target=fetch, args=(server.server_port,)) for server in servers]
for fetcher in fetchers:
    fetcher.start()
for fetcher in fetchers:
    fetcher.join()
for server in servers:
    server.shutdown()
