# title: settings are written before the threads that read them are started
# expect: clean
# needs: FORK
# why: start() orders everything before it before everything in the new thread.
import threading

import raceway

settings = raceway.watch({}, name="settings")
greetings: list[str] = []


def greet(name: str) -> None:
    greetings.append(f"{settings['greeting']} {name}")


settings["greeting"] = "hello"
threads = [threading.Thread(target=greet, args=(name,)) for name in ("ann", "bob")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(greetings))
