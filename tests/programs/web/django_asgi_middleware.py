# title: an asynchronous Django middleware counts around a synchronous view
# expect: clean
# requires: django
# why: the view runs in a thread, and the middleware waits for it.
import asyncio

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.decorators import async_only_middleware

import raceway

settings.configure(
    ALLOWED_HOSTS=["*"], SECRET_KEY="x", ROOT_URLCONF=__name__, LOGGING_CONFIG=None, DEBUG=True,
    MIDDLEWARE=[f"{__name__}.counting"],
)  # fmt: skip
django.setup()


class Count:
    def __init__(self) -> None:
        self.n = 0


count = raceway.watch(Count(), name="count")


@async_only_middleware
def counting(get_response):  # type: ignore[no-untyped-def]
    async def middleware(request: HttpRequest) -> HttpResponse:
        count.n += 1
        response = await get_response(request)
        count.n += 1
        return response

    return middleware


def view(request: HttpRequest) -> HttpResponse:
    count.n += 1
    return HttpResponse("seen")


urlpatterns = [path("", view)]
scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}


async def main() -> None:
    app = ASGIHandler()
    got = []

    async def send(message: dict) -> None:
        got.append(message["type"])

    for _ in range(2):
        messages = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive(messages: list = messages) -> dict:
            return messages.pop() if messages else await asyncio.Event().wait()

        await app(dict(scope), receive, send)
    print(got)


asyncio.run(main())
