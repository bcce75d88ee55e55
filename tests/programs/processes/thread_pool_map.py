# title: the jobs of a ThreadPool fill an object each, and the parent reads after map
# expect: clean
# needs: RECEIVE
# why: map returns after the end of all its jobs, in a pool of threads as well

from multiprocessing.pool import ThreadPool

import raceway


class Page:
    def __init__(self, number):
        self.number = number
        self.text = ""

    def load(self):
        self.text = f"page {self.number}"


def main():
    pages = [raceway.watch(Page(number), name="page") for number in range(4)]
    with ThreadPool(2) as pool:
        pool.map(Page.load, pages, chunksize=1)
        print([page.text for page in pages])


if __name__ == "__main__":
    main()
