# title: four philosophers take their forks left before right
# expect: lock-order-inversion
# lines: 14
# why: each can hold the left fork and wait for the right one for ever.
import threading

forks = [threading.Lock() for _ in range(4)]
eaten = []


def eat(place: int) -> None:
    while len(eaten) < place:
        pass
    with forks[place], forks[(place + 1) % 4]:
        eaten.append(place)


threads = [threading.Thread(target=eat, args=(place,)) for place in range(4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(eaten)
