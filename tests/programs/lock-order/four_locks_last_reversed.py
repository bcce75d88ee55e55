# title: four philosophers, the last one takes the lower fork first
# expect: clean
# why: all take the forks in the order of their numbers: no cycle.
import threading

forks = [threading.Lock() for _ in range(4)]
eaten = []


def eat(place: int) -> None:
    left, right = sorted((place, (place + 1) % 4))
    with forks[left], forks[right]:
        eaten.append(place)


threads = [threading.Thread(target=eat, args=(place,)) for place in range(4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(eaten))
