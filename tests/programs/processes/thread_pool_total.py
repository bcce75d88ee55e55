# title: the jobs of a ThreadPool add to one total
# expect: data-race total.amount
# lines: 16
# severity: critical
# why: two threads of the pool can be at it at a time

from multiprocessing.pool import ThreadPool

import raceway


class Total:
    amount = 0

    def add(self, number):
        self.amount += number


def main():
    total = raceway.watch(Total(), name="total")
    with ThreadPool(2) as pool:
        pool.map(total.add, range(4), chunksize=1)
    print(total.amount > 0)


if __name__ == "__main__":
    main()
