# title: an entry is popped by a thread that does not wait for it
# expect: data-race replies['a']
# lines: 14,21
# why: pop() without a default raises KeyError if it comes first.
import threading

import raceway

replies = raceway.watch({}, name="replies")
done = []


def serve() -> None:
    replies["a"] = "reply"
    done.append(True)


def collect() -> None:
    while not done:
        pass
    replies.pop("a")


threads = [threading.Thread(target=serve), threading.Thread(target=collect)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(replies))
