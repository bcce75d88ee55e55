# title: a threading server is shut down while a request is being handled
# expect: data-race hits['count']
# lines: 19,32
# why: shutdown() ends the loop that accepts; it does not wait for the threads of the requests.
import socket
import socketserver
import threading

import raceway

hits = raceway.watch({"count": 0}, name="hits")
accepted = threading.Event()
may_end = threading.Event()


class Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        accepted.set()
        hits["count"] = 1
        may_end.wait()


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = False


server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever).start()
client = socket.create_connection(server.server_address)
accepted.wait()
server.shutdown()
count = hits["count"]
may_end.set()
client.close()
server.server_close()
print("shut down")
