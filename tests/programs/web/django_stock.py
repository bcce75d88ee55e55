# title: two requests of a Django view sell the same piece
# expect: atomicity-violation stock.left
# lines: 35,38
# severity: critical
# requires: django
# why: both have seen as many pieces before either takes one.
import sys
import threading

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path

import raceway

settings.configure(
    ALLOWED_HOSTS=["*"], SECRET_KEY="x", ROOT_URLCONF=__name__, LOGGING_CONFIG=None, DEBUG=True
)
django.setup()


class Stock:
    def __init__(self) -> None:
        self.left = 2


stock = raceway.watch(Stock(), name="stock")
lock = threading.Lock()


def buy(request: HttpRequest) -> HttpResponse:
    with lock:
        left = stock.left
    if left > 0:
        with lock:
            stock.left = left - 1
    return HttpResponse("bought")


urlpatterns = [path("", buy)]
sys.modules[__name__].urlpatterns = urlpatterns
app = WSGIHandler()


def ask() -> None:
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_NAME": "test", "SERVER_PORT": "80",
        "wsgi.input": sys.stdin.buffer, "wsgi.url_scheme": "http",
    }  # fmt: skip
    app(environ, lambda status, headers: None).close()


threads = [threading.Thread(target=ask) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("asked")
