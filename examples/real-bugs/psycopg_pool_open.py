"""Two requests come in at the start of a service: each makes sure that the pool is open."""

import logging
import threading

from psycopg_pool import ConnectionPool

logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # no database is needed for this
pool = ConnectionPool("host=127.0.0.1 port=1", min_size=1, open=False, reconnect_timeout=0.1)


def request() -> None:
    pool.open()


requests = [threading.Thread(target=request) for _ in range(2)]
for thread in requests:
    thread.start()
for thread in requests:
    thread.join()
pool.close()
