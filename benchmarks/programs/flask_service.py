"""A Flask service with statistics that all requests share, under the load of four clients."""

from __future__ import annotations

import http.client
import logging
import threading

from flask import Flask, jsonify, render_template_string
from telling import protected, work
from werkzeug.serving import make_server

CLIENTS = 4
REQUESTS = 250
PAGE = (
    "<h1>{{ name }}</h1><ul>{% for n in range(60) %}<li>{{ n }}: {{ name }}</li>{% endfor %}</ul>"
)


class Statistics:
    """What all requests share."""

    def __init__(self):
        self.requests = 0
        self.latest = ""


def main():
    """Serve and ask."""
    logging.getLogger("werkzeug").disabled = True
    app = Flask(__name__)
    lock = threading.Lock()
    statistics = protected(Statistics(), lock)

    @app.get("/page/<name>")
    def page(name):
        with lock:
            statistics.requests += 1
            statistics.latest = name
        return render_template_string(PAGE, name=name)

    @app.get("/statistics")
    def shown():
        with lock:
            return jsonify(requests=statistics.requests, latest=statistics.latest)

    server = make_server("127.0.0.1", 0, app, threaded=True)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()

    def ask(number):
        for at in range(REQUESTS):
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
            connection.request("GET", f"/page/client{number}" if at % 5 else "/statistics")
            assert connection.getresponse().read()
            connection.close()

    clients = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    with work():
        for client in clients:
            client.start()
        for client in clients:
            client.join()
    server.shutdown()
    serving.join()
    assert statistics.requests == CLIENTS * REQUESTS * 4 // 5


if __name__ == "__main__":
    main()
