# title: a total is computed while money moves between two entries
# expect: data-race accounts[*] | accounts
# lines: 19,14 | 19,15
# why: the sum may contain the debit without the credit; no lock covers both sides.
import threading

import raceway

accounts = raceway.watch({"alice": 50, "bob": 50}, name="accounts")
totals = []


def move() -> None:
    accounts["alice"] -= 10
    accounts["bob"] += 10


def audit() -> None:
    totals.append(sum(accounts.values()))


threads = [threading.Thread(target=move), threading.Thread(target=audit)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(accounts["alice"], accounts["bob"], len(totals))
