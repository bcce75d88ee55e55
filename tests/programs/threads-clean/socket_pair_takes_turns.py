# title: a service thread is asked through one end of a socket pair, and answers through it
# expect: clean
# needs: RECEIVE
# why: who has sent the question waits for the answer, and touches the state only before and after.
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
        theirs.sendall(b".")


threading.Thread(target=serve, daemon=True).start()
for _ in range(3):
    state.value += 1
    ours.sendall(b"?")
    ours.recv(1)
ours.close()
print(state.value)
