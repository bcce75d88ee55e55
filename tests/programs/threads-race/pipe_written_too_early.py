# title: a worker says through a pipe that its result is there, and puts it there afterwards
# expect: data-race results['latest']
# lines: 16,23
# why: nothing orders the result, which is stored after the byte was written, before its use.
import os
import threading

import raceway

results = raceway.watch({"latest": 0}, name="results")
reader, writer = os.pipe()


def work() -> None:
    os.write(writer, b"1")
    results["latest"] = 42


worker = threading.Thread(target=work)
worker.start()
os.read(reader, 1)
os.close(reader)
latest = results["latest"]
worker.join()
print("read", latest in (0, 42))
