# title: a thread of _thread.start_new_thread says by a raw lock that it is done
# expect: clean
# needs: RELEASE
# why: the second acquire() returns because of the release() in the other thread.
import _thread

import raceway


class Job:
    def __init__(self) -> None:
        self.result = 0


job = raceway.watch(Job(), name="job")
done = _thread.allocate_lock()


def work() -> None:
    job.result += 42
    done.release()


done.acquire()
job.result = 1
_thread.start_new_thread(work, ())
done.acquire()
job.result += 1
print(job.result)
