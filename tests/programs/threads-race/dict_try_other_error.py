# title: the reader expects an error, but not the one that comes
# expect: data-race tokens['bob']
# lines: 15,23
# why: the except clause is for a wrong type; a KeyError passes through.
import threading

import raceway

tokens = raceway.watch({"bob": "17"}, name="tokens")
seen = []


def check() -> None:
    try:
        seen.append(int(tokens["bob"]))
    except ValueError:
        pass


def revoke() -> None:
    while not seen:
        pass
    tokens.pop("bob", None)


threads = [threading.Thread(target=check), threading.Thread(target=revoke)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(seen)
