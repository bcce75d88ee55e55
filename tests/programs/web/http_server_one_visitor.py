# title: one visitor reads a page of http.server twice, then the views are printed
# expect: clean
# needs: RECEIVE
# why: a response precedes the next request of its client, and what the client does then.
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


with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
    threading.Thread(target=server.serve_forever).start()
    for _ in range(2):
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_address[1]}/") as reply:
            reply.read()
    print(page.views)
    page.views += 1
    server.shutdown()
