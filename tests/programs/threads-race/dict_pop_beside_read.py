# title: a session is read by subscript while another thread pops it
# expect: data-race sessions['bob']
# lines: 14,20
# why: whoever reads after the pop gets a KeyError; nothing makes the reader come first.
import threading

import raceway

sessions = raceway.watch({"bob": "cart 7"}, name="sessions")
seen = []


def show() -> None:
    seen.append(sessions["bob"])


def log_out() -> None:
    while not seen:
        pass
    sessions.pop("bob", None)


threads = [threading.Thread(target=show), threading.Thread(target=log_out)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(seen)
