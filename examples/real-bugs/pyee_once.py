"""Answers come in by two threads; the handler is to be called for the first one only."""

import threading

from pyee import EventEmitter

events = EventEmitter()


@events.once("answer")
def answered(text: str) -> None:
    print("the first answer:", text)


def deliver(text: str) -> None:
    try:
        events.emit("answer", text)
    except KeyError:
        print("two threads have removed the handler")


threads = [threading.Thread(target=deliver, args=(text,)) for text in ("yes", "no")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
