# title: os.fork, and os.waitpid for the child
# expect: clean
# needs: FORK, JOIN
# requires: fcntl
# why: fork comes before the child, and waitpid after its end

import os
from multiprocessing import sharedctypes

import raceway

box = raceway.watch(sharedctypes.RawValue("i", 0), name="box")
box.value = 1
pid = os.fork()
if pid == 0:
    box.value += 1
    os._exit(0)
os.waitpid(pid, 0)
box.value += 1
print(box.value)
