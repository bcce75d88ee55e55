# title: a handler of http.server counts after it has answered
# expect: data-race page.views
# lines: 27,37
# severity: critical
# why: the client has its answer when the handler still counts.
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
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
        page.views += 1

    def log_message(self, *_args: object) -> None:
        pass


with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
    threading.Thread(target=server.serve_forever).start()
    with urllib.request.urlopen(f"http://127.0.0.1:{server.server_address[1]}/") as reply:
        reply.read(2)
        page.views += 1
    server.shutdown()
print("visited")
