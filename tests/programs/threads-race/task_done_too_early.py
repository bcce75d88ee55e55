# title: the worker calls task_done() before it has stored the thumbnail
# expect: data-race gallery.thumbnails
# lines: 23,30
# why: Queue.join() waits for task_done() and for nothing that the worker does after it.
import queue
import threading

import raceway


class Gallery:
    def __init__(self) -> None:
        self.thumbnails = 0


gallery = raceway.watch(Gallery(), name="gallery")
pictures: queue.Queue = queue.Queue()


def shrink() -> None:
    while pictures.get():
        pictures.task_done()
        gallery.thumbnails = 1


worker = threading.Thread(target=shrink)
worker.start()
pictures.put("cat")
pictures.join()
shown = gallery.thumbnails
pictures.put("")
worker.join()
print("shown")
