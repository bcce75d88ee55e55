# title: the parent of os.fork goes on before it waits for the child
# expect: data-race box.value
# lines: 16,18
# severity: critical
# requires: fcntl
# why: waitpid comes too late to keep the two additions apart

import os
from multiprocessing import sharedctypes

import raceway

box = raceway.watch(sharedctypes.RawValue("i", 0), name="box")
pid = os.fork()
if pid == 0:
    box.value += 1
    os._exit(0)
box.value += 1
os.waitpid(pid, 0)
print(box.value > 0)
