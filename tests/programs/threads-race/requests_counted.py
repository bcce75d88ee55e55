# title: a threading HTTP server counts its requests without a lock
# expect: data-race hits['count']
# lines: 17,17
# severity: critical
# why: each request runs in a thread of its own; two of them may count at the same time.
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import raceway

hits = raceway.watch({"count": 0}, name="hits")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        hits["count"] += 1
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever).start()
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
url = f"http://127.0.0.1:{server.server_port}/"
clients = [threading.Thread(target=lambda: opener.open(url).read()) for _ in range(2)]
for client in clients:
    client.start()
for client in clients:
    client.join()
server.shutdown()
server.server_close()
print("served")
