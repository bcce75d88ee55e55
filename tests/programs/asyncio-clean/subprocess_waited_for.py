# title: a child process is waited for, then its task hands over
# expect: clean
# needs: JOIN, RECEIVE
# why: the task that waits for the child is awaited itself.
import asyncio
import sys

import raceway


class Build:
    def __init__(self) -> None:
        self.files = 0


build = raceway.watch(Build(), name="build")


async def compile_all() -> None:
    files = build.files
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", "print(3)", stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    build.files = files + int(out)


async def main() -> None:
    await asyncio.create_task(compile_all())
    files = build.files
    await asyncio.sleep(0)
    build.files = files + 1
    print(build.files)


asyncio.run(main())
