# title: two processes take turns under a condition
# expect: clean
# why: whose turn it is, is looked at and changed under the lock of the condition

import multiprocessing

import raceway


def play(turn, total, changed, me):
    for _ in range(3):
        with changed:
            changed.wait_for(lambda: turn.value == me)
        # Its turn: nobody else touches the total.
        total.value += 1
        with changed:
            turn.value = 1 - me
            changed.notify_all()


def main():
    turn = raceway.watch(multiprocessing.RawValue("i"), name="turn")
    total = raceway.watch(multiprocessing.RawValue("i"), name="total")
    changed = multiprocessing.Condition()
    players = [
        multiprocessing.Process(target=play, args=(turn, total, changed, me)) for me in (0, 1)
    ]
    for player in players:
        player.start()
    for player in players:
        player.join()
    print(total.value)


if __name__ == "__main__":
    main()
