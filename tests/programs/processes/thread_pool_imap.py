# title: the first result of imap is there, and the second page is read as well
# expect: data-race page.text
# lines: 16,26
# why: each result tells of the end of its own job only

from multiprocessing.pool import ThreadPool

import raceway


class Page:
    def __init__(self):
        self.text = ""

    def load(self):
        self.text = "loaded"


def main():
    pages = [raceway.watch(Page(), name="page") for _ in range(2)]
    with ThreadPool(2) as pool:
        results = pool.imap(Page.load, pages)
        next(results)
        # Ready or not: the second result was not asked for.
        for page in pages:
            print(page.text in ("", "loaded"))
        next(results)


if __name__ == "__main__":
    main()
