# title: a pool's callback adds up what jobs return; the parent reads after get
# expect: clean
# needs: RECEIVE
# why: callbacks run one after the other on one thread, and get returns after them

import multiprocessing

import raceway


class Total:
    def __init__(self):
        self.amount = 0

    def add(self, number):
        self.amount += number


def square(number):
    return number * number


def main():
    total = raceway.watch(Total(), name="total")
    with multiprocessing.Pool(2) as pool:
        results = [pool.apply_async(square, (number,), callback=total.add) for number in range(4)]
        for result in results:
            result.get()
        print(total.amount)


if __name__ == "__main__":
    main()
