# title: a job is marked as running before the first await and freed in a finally
# expect: clean
# why: the test and the mark are not separated by an await, so only one task runs the job.
import asyncio

import raceway


class Backup:
    def __init__(self) -> None:
        self.running = False
        self.runs = 0


backup = raceway.watch(Backup(), name="backup")


async def run_backup() -> bool:
    if backup.running:
        return False
    backup.running = True
    try:
        await asyncio.sleep(0)
        backup.runs += 1
    finally:
        backup.running = False
    return True


async def main() -> None:
    print(sorted(await asyncio.gather(run_backup(), run_backup(), run_backup())))


asyncio.run(main())
