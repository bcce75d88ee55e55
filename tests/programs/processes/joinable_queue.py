# title: the parent joins a JoinableQueue, and reads what the children wrote
# expect: clean
# needs: RECEIVE
# why: task_done comes before the join that it lets go on

import multiprocessing

import raceway


def work(queue, squares):
    while True:
        number = queue.get()
        if number is not None:
            squares[number] = number * number
        queue.task_done()
        if number is None:
            return


def main():
    squares = raceway.watch(multiprocessing.RawArray("i", 6), name="squares")
    queue = multiprocessing.JoinableQueue()
    workers = [multiprocessing.Process(target=work, args=(queue, squares)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for number in range(6):
        queue.put(number)
    queue.join()
    print(list(squares))
    for _ in workers:
        queue.put(None)
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main()
