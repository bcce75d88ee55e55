# title: two processes swap items of a ShareableList without a lock
# expect: data-race board[0]
# lines: 15
# severity: critical
# why: reading an item and writing it back are two steps

import multiprocessing
from multiprocessing.shared_memory import ShareableList

import raceway


def score(board):
    for _ in range(5):
        board[0] = board[0] + 1


def main():
    board = raceway.watch(ShareableList([0, 0]), name="board")
    workers = [multiprocessing.Process(target=score, args=(board,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(board[0] > 0)
    board.shm.close()
    board.shm.unlink()


if __name__ == "__main__":
    main()
