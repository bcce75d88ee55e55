# title: a child answers on a duplex pipe, and goes on writing
# expect: data-race box.value
# lines: 17,27
# severity: critical
# why: the answer orders what came before it, and the second addition comes after it

import multiprocessing

import raceway


def serve(box, connection):
    request = connection.recv()
    box.value = request
    connection.send("done")
    # The other side believes that the box is its own from here on.
    box.value += 1


def main():
    box = raceway.watch(multiprocessing.RawValue("i"), name="box")
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.Process(target=serve, args=(box, theirs))
    child.start()
    ours.send(5)
    ours.recv()
    box.value += 1
    child.join()
    print(box.value > 5)


if __name__ == "__main__":
    main()
