"""Two threads of a web service count their visitors, in the cache that they share."""

from concurrent.futures import ThreadPoolExecutor

from cachelib import SimpleCache

cache = SimpleCache(default_timeout=0)


def visit(page: str) -> None:
    cache.inc("visitors")
    if not cache.has(page):
        cache.set(page, f"the text of {page}")


with ThreadPoolExecutor(2) as pool:
    list(pool.map(visit, ["/", "/cart", "/", "/buy"]))
print(cache.get("visitors"), "visitors")
