"""Flask behind a server with threads, and requests to it."""

import threading
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import flask
import requests

app = flask.Flask("shop")
app.logger.disabled = True
lock = threading.Lock()
stock = {"apple": 4}


@app.before_request
def count():
    flask.g.seen = 1


@app.route("/buy/<thing>", methods=["POST"])
def buy(thing):
    with lock:
        stock[thing] -= flask.g.seen
    return {"left": stock[thing]}


@app.route("/fails")
def fails():
    raise ValueError("in a view")


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = False


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


server = make_server("127.0.0.1", 0, app, Server, Quiet)
thread = threading.Thread(target=server.serve_forever)
thread.start()
url = f"http://127.0.0.1:{server.server_port}"
print(requests.post(f"{url}/buy/apple").json(), requests.get(f"{url}/fails").status_code)
with requests.Session() as session:
    print(session.post(f"{url}/buy/apple").json(), session.get(f"{url}/nothing").status_code)
buyers = [threading.Thread(target=requests.post, args=(f"{url}/buy/apple",)) for _ in range(2)]
for buyer in buyers:
    buyer.start()
for buyer in buyers:
    buyer.join()
print(stock)
server.shutdown()
thread.join()
server.server_close()
with app.test_client() as client:
    print(client.post("/buy/apple").json, client.get("/fails").status)
try:
    requests.get("http://127.0.0.1:1/")
except requests.ConnectionError as error:
    print(type(error).__name__)
