# title: a worker calls task_done before it has done its task
# expect: data-race squares[*]
# lines: 15,29
# why: join waits for task_done, and the write comes after that

import multiprocessing

import raceway


def work(queue, squares):
    number = queue.get()
    queue.task_done()
    # Too late for who waits in join().
    squares[number] = number * number


def main():
    squares = raceway.watch(multiprocessing.RawArray("i", 2), name="squares")
    queue = multiprocessing.JoinableQueue()
    workers = [multiprocessing.Process(target=work, args=(queue, squares)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for number in range(2):
        queue.put(number)
    queue.join()
    # Who reads here reads what may be there already, or not.
    for number in range(2):
        print(squares[number] in (0, number * number))
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main()
