# title: a server that handles one request at a time is shut down, then its counter is read
# expect: clean
# needs: RECEIVE
# why: shutdown() waits until serve_forever() has ended, which runs the handlers itself.
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

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


server = HTTPServer(("127.0.0.1", 0), Handler)
serving = threading.Thread(target=server.serve_forever)
serving.start()
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
for _ in range(2):
    opener.open(f"http://127.0.0.1:{server.server_port}/").read()
server.shutdown()
hits["count"] *= 10
print(hits["count"])
serving.join()
server.server_close()
