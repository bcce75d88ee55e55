"""Several threads look prices up, through a cache of the last few that were asked for."""

from concurrent.futures import ThreadPoolExecutor

from boltons.cacheutils import LRI

prices = LRI(max_size=4, on_miss=lambda article: len(article) * 100)


def total(articles: list[str]) -> int:
    return sum(prices[article] for article in articles)


BASKETS = [["pear", "apple", "fig"], ["apple", "fig", "banana", "kiwi", "plum"]] * 4

with ThreadPoolExecutor(2) as pool:
    print(sorted(pool.map(total, BASKETS)))
print("hits and misses:", prices.hit_count, prices.miss_count)
