# title: a worker puts its result where it is looked for, and says so through a pipe
# expect: clean
# needs: RECEIVE
# why: each byte is written after the result that it stands for, and read before that is used.
import os
import threading

import raceway

results = raceway.watch({}, name="results")
reader, writer = os.pipe()


def work() -> None:
    for number in range(3):
        results[number] = number * number
        os.write(writer, b"%d" % number)
    os.close(writer)


worker = threading.Thread(target=work, daemon=True)
worker.start()
total = 0
while ready := os.read(reader, 1):
    total += results.pop(int(ready))
os.close(reader)
print(total)
