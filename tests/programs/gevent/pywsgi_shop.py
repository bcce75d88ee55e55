# title: a shop behind gevent's WSGI server asks the bank between check and sale
# expect: atomicity-violation shop.tickets
# lines: 30,32
# severity: critical
# requires: gevent
# why: each request has a greenlet, and the wait for the bank lets the other one in.

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


def buy() -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/") as reply:
        reply.read()


server = WSGIServer(("127.0.0.1", 0), application, log=None)
server.start()
gevent.joinall([gevent.spawn(buy) for _ in range(2)], raise_error=True)
server.stop()
print("sold")
