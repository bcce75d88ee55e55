# title: a reader expects KeyError while another thread pops
# expect: clean
# why: the read is atomic, and its author is ready for the entry to be gone.
import threading

import raceway

tokens = raceway.watch({"bob": 1}, name="tokens")


def check() -> None:
    try:
        tokens["bob"]
    except KeyError:
        pass


def revoke() -> None:
    tokens.pop("bob", None)


threads = [threading.Thread(target=check), threading.Thread(target=revoke)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(tokens))
