# title: a server of wsgiref handles the requests of two clients in its only thread
# expect: clean
# why: one thread serves one request after the other.
import threading
import urllib.request
from wsgiref.simple_server import WSGIRequestHandler, make_server

import raceway

stock = raceway.watch({"book": 5}, name="stock")


class Quiet(WSGIRequestHandler):
    def log_message(self, *_args: object) -> None:
        pass


def application(_environ, start_response):
    if stock["book"] > 0:
        stock["book"] -= 1
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]


def buy(port: int) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as reply:
        reply.read()


with make_server("127.0.0.1", 0, application, handler_class=Quiet) as server:
    threading.Thread(target=server.serve_forever).start()
    buyers = [threading.Thread(target=buy, args=(server.server_port,)) for _ in range(2)]
    for buyer in buyers:
        buyer.start()
    for buyer in buyers:
        buyer.join()
    server.shutdown()
print(stock["book"])
