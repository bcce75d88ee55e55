"""asyncio: tasks, their primitives, threads beside them."""

import asyncio
import threading

total = []


async def worker(name, lock, jobs, permits, event):
    await event.wait()
    while (item := await jobs.get()) is not None:
        async with lock, permits:
            total.append(item)
            await asyncio.sleep(0)
        jobs.task_done()
    jobs.task_done()
    return name


async def fails():
    await asyncio.sleep(0)
    raise LookupError("in a task")


async def waits(cond):
    async with cond:
        await cond.wait()
    return "notified"


async def main():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: print("handler", context["message"]))
    lock, jobs, event = asyncio.Lock(), asyncio.Queue(4), asyncio.Event()
    permits, mutex, cond = asyncio.Semaphore(2), asyncio.BoundedSemaphore(1), asyncio.Condition()
    tasks = [asyncio.create_task(worker(n, lock, jobs, permits, event), name=f"w{n}") for n in "ab"]
    event.set()
    for item in range(10):
        await jobs.put(item)
    for _ in tasks:
        await jobs.put(None)
    await jobs.join()
    print(await asyncio.gather(*tasks), sorted(total), tasks[0].get_name(), tasks[0].done())
    print(await asyncio.gather(fails(), return_exceptions=True))
    try:
        await asyncio.wait_for(asyncio.sleep(60), 0.01)
    except asyncio.TimeoutError as error:
        print(type(error).__name__)
    sleeper = asyncio.ensure_future(asyncio.sleep(60))
    await asyncio.sleep(0)
    sleeper.cancel()
    try:
        await sleeper
    except asyncio.CancelledError:
        print("cancelled", sleeper.cancelled())
    waiter = asyncio.create_task(waits(cond))
    await asyncio.sleep(0)
    async with cond:
        cond.notify()
    print(await waiter)
    async with mutex:
        print(mutex.locked())
    future = loop.create_future()
    loop.call_soon(future.set_result, 5)
    print(await future, future.result())
    loop.call_later(0.001, print, "later")
    await asyncio.sleep(0.01)
    loop.call_soon(lambda: 1 / 0)
    await asyncio.sleep(0)
    print(await asyncio.to_thread(threading.active_count) >= 2)
    print(await loop.run_in_executor(None, sum, [1, 2, 3]))
    thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(heard.set_result, "thread"))
    heard = loop.create_future()
    thread.start()
    print(await heard)
    thread.join()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    writer.write(b"hello\n")
    print(await reader.readline())
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()
    if hasattr(asyncio, "TaskGroup"):
        async with asyncio.TaskGroup() as group:
            first = group.create_task(asyncio.sleep(0, "one"))
        print(first.result())
        async with asyncio.Barrier(1) as position:
            print(position)


async def answer(reader, writer):
    writer.write(b"echo " + await reader.readline())
    await writer.drain()
    writer.close()


asyncio.run(main())
raise RuntimeError("at the end")
