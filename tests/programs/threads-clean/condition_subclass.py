# title: a mailbox that is a Condition itself, over an RLock
# expect: clean
# needs: ACQUIRE, WAIT_ACQUIRE
# why: a subclass of Condition is a lock and a condition like its base.
import threading

import raceway


class Mailbox(threading.Condition):
    def __init__(self) -> None:
        super().__init__(threading.RLock())
        self.letters = raceway.watch({"count": 0}, name="letters")

    def post(self) -> None:
        with self:
            self.letters["count"] += 1
            self.notify()

    def fetch(self) -> None:
        with self:
            with self:
                while not self.letters["count"]:
                    self.wait()
            self.letters["count"] -= 1


mailbox = Mailbox()
threads = [threading.Thread(target=mailbox.fetch), threading.Thread(target=mailbox.post)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(mailbox.letters["count"])
