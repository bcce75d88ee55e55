# title: worker processes count words, callbacks of apply_async merge the counts in the parent
# expect: clean
# why: all callbacks run in the one result thread of the pool, main reads after Pool.join().
import multiprocessing

import raceway

cache = raceway.watch({"lines": 0}, name="cache")
totals = raceway.watch({}, name="totals")
order = raceway.watch([], name="order")


def count(number: int, text: str) -> tuple[int, dict[str, int]]:
    counts: dict[str, int] = {}
    for word in text.split():
        counts[word] = counts.get(word, 0) + 1
        cache["lines"] += 1
    return number, counts


def merge(result: tuple[int, dict[str, int]]) -> None:
    number, counts = result
    for word, n in counts.items():
        totals[word] = totals.get(word, 0) + n
    order.append(number)


def main() -> None:
    texts = ["to be or not to be", "be quick", "or not", "to sleep", "be be be"]
    with multiprocessing.Pool(2) as pool:
        pending = [
            pool.apply_async(count, (number, text), callback=merge)
            for number, text in enumerate(texts)
        ]
        cache["lines"] = -1
        pool.close()
        for result in pending:
            result.get(timeout=30)
        pool.join()
    print(sorted(totals.items()))
    print(sorted(order), cache["lines"])


if __name__ == "__main__":
    main()
