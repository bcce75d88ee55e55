# title: whoever removes the member without a KeyError does the work
# expect: clean
# why: remove() is atomic: exactly one thread gets through.
import threading

import raceway

pending = raceway.watch({"job"}, name="pending")
done = []


def work() -> None:
    try:
        pending.remove("job")
    except KeyError:
        return
    done.append("job")


threads = [threading.Thread(target=work), threading.Thread(target=work)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(done)
