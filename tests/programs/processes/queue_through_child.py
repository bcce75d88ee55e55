# title: a thread hands over to another one by way of a child process
# expect: clean
# needs: TAKE
# why: thread, queue, child, queue, thread is a chain; the child only passes the item on

import multiprocessing
import threading

import raceway


class Job:
    def __init__(self):
        self.state = "new"


def relay(inbox, outbox):
    outbox.send(inbox.recv())


def prepare(job, inbox):
    job.state = "prepared"
    inbox.send(1)


def finish(job, outbox):
    outbox.recv()
    job.state += ", finished"


def main():
    job = raceway.watch(Job(), name="job")
    child_in, inbox = multiprocessing.Pipe(duplex=False)
    outbox, child_out = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.Process(target=relay, args=(child_in, child_out))
    child.start()
    threads = [
        threading.Thread(target=finish, args=(job, outbox)),
        threading.Thread(target=prepare, args=(job, inbox)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    child.join()
    print(job.state)


if __name__ == "__main__":
    main()
