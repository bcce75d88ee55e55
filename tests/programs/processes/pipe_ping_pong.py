# title: two processes take turns on a box, by messages on a duplex pipe
# expect: clean
# needs: TAKE
# why: each message orders what was done before it

import multiprocessing

import raceway

CONTEXT = multiprocessing.get_context("spawn")


def play(box, connection):
    while connection.recv():
        box.value += 1
        connection.send(True)


def main():
    box = raceway.watch(CONTEXT.Value("i", lock=False), name="box")
    ours, theirs = CONTEXT.Pipe()
    child = CONTEXT.Process(target=play, args=(box, theirs))
    child.start()
    for _ in range(5):
        box.value += 1
        ours.send(True)
        ours.recv()
    ours.send(False)
    child.join()
    print(box.value)


if __name__ == "__main__":
    main()
