# title: a page counter of http.server is changed by the threads of two visitors
# expect: data-race page.views
# lines: 23,23
# severity: critical
# why: ThreadingHTTPServer has a thread for each connection.
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import raceway


class Page:
    def __init__(self) -> None:
        self.views = 0


page = raceway.watch(Page(), name="page")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        page.views += 1
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_args: object) -> None:
        pass


def visit(port: int) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as reply:
        reply.read()


with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
    threading.Thread(target=server.serve_forever).start()
    visitors = [threading.Thread(target=visit, args=(server.server_address[1],)) for _ in range(2)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    server.shutdown()
print("visited")
