# title: whoever gets the entry from pop() does the work
# expect: clean
# why: pop() with a default is one atomic step: exactly one thread receives the entry.
import threading

import raceway

pending = raceway.watch({"job": "resize"}, name="pending")
done = []


def work() -> None:
    job = pending.pop("job", None)
    if job is not None:
        done.append(job)


threads = [threading.Thread(target=work) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(done)
