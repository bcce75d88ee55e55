# title: a service thread is told through a socket pair to change the state, and nobody waits for it
# expect: data-race state.value
# lines: 22,29
# why: the message orders what came before it; what the sender does afterwards is beside the change.
import socket
import threading

import raceway


class State:
    def __init__(self) -> None:
        self.value = 1


state = raceway.watch(State(), name="state")
ours, theirs = socket.socketpair()


def serve() -> None:
    while theirs.recv(1):
        state.value *= 2


server = threading.Thread(target=serve)
server.start()
state.value += 1
ours.sendall(b"?")
state.value += 1
ours.close()
server.join()
print("changed")
