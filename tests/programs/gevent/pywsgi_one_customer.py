# title: one customer of a shop behind gevent's WSGI server buys twice
# expect: clean
# requires: gevent
# needs: RECEIVE
# why: the second request is sent when the first one was answered.

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()

import urllib.request

import gevent
from gevent.pywsgi import WSGIServer

import raceway


class Shop:
    def __init__(self) -> None:
        self.tickets = 10


shop = raceway.watch(Shop(), name="shop")


def application(_environ, start_response):
    tickets = shop.tickets
    gevent.sleep(0.001)
    shop.tickets = tickets - 1
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"sold"]


server = WSGIServer(("127.0.0.1", 0), application, log=None)
server.start()
for _ in range(2):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/") as reply:
        reply.read()
server.stop()
print(shop.tickets)
