# title: the first check is in one method, and the second, under the lock, in another one
# expect: clean
# why: it is made once; who finds nothing asks again under the lock under which it is made.
import threading

import raceway


class Client:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.connection = None

    def _connect(self) -> object:
        with self.lock:
            if self.connection is None:
                self.connection = object()
            return self.connection

    def get(self) -> object:
        connection = self.connection
        if connection is not None:
            return connection
        return self._connect()


client = raceway.watch(Client(), name="client")
threads = [threading.Thread(target=client.get) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(client.get() is client.get())
