# title: gevent's executor runs jobs in threads, whose results are used when they are there
# expect: clean
# requires: gevent
# needs: JOIN
# why: result() comes after the job.
from gevent.threadpool import ThreadPoolExecutor

import raceway


class Image:
    def __init__(self) -> None:
        self.width = 1


def scale(image: Image) -> Image:
    image.width *= 2
    return image


with ThreadPoolExecutor(2) as executor:
    jobs = [executor.submit(scale, raceway.watch(Image(), name="image")) for _ in range(2)]
    for job in jobs:
        job.result().width += 1
    print([job.result().width for job in jobs])
