# title: a pool's callback and the main thread both add to a total
# expect: data-race total.amount
# lines: 17,29
# severity: critical
# why: callbacks run on a thread of the pool; nothing orders them with what main does meanwhile

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
        result = pool.apply_async(square, (3,), callback=total.add)
        # Should have waited for the result first.
        total.amount += 1
        result.get()
        print(total.amount > 0)


if __name__ == "__main__":
    main()
