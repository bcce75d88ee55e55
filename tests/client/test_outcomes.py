"""What each answer means for the events of a batch."""

from __future__ import annotations

import pytest

from raceway.pipeline.orphans import KEPT, Orphans
from raceway.pipeline.outcomes import SERVER_ERRORS, STANDSTILLS, read
from raceway.pipeline.transport import Answer

ALL = (range(4),)
FULL = '{"success":true,"data":"Ingested %d events, %d errors","error":null}'


def lists(outcome):
    return (outcome.sent, list(outcome.refused), outcome.unconfirmed, tuple(outcome.rest))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(200, "x"), (4, [], 0, ())),
        (Answer(202), (4, [], 0, ())),
        (Answer(206, FULL % (3, 1)), (3, [], 0, (range(3, 4),))),
        (Answer(206, FULL % (0, 4)), (0, [], 0, ALL)),
        (Answer(206, FULL % (0, 999)), (0, [], 0, ALL)),
        # One with reasons is not about a full queue.
        (Answer(206, '{"data":"Ingested 3 events, 1 errors","error":"bad"}'), (0, [], 4, ())),
        (Answer(206, "?"), (0, [], 4, ())),
        (Answer(400, "?"), (0, [], 0, (range(2), range(2, 4)))),
        (Answer(422, "events[0].id"), (0, [0], 0, (range(1, 4),))),
        (Answer(422, "events[2].id"), (0, [2], 0, (range(2), range(3, 4)))),
        (Answer(422, "events[4].id"), (0, [], 0, (range(2), range(2, 4)))),
        (Answer(413), (0, [], 0, (range(2), range(2, 4)))),
        (Answer(error="refused"), (0, [], 0, ALL)),
        (Answer(error="timed out", may_have_arrived=True), (0, [], 4, ())),
        *[(Answer(status), (0, [], 0, ALL)) for status in (408, 425, 429, 500, 502, 503, 504, 599)],
        *[(Answer(status), (0, [0, 1, 2, 3], 0, ())) for status in (301, 401, 403, 404, 405, 415)],
    ],
)
def test_an_answer(answer, expected):
    outcome = read(answer, 4, 1)
    assert lists(outcome) == expected
    covered = outcome.sent + len(outcome.refused) + outcome.unconfirmed
    assert covered + sum(map(len, outcome.rest)) == 4
    assert bool(outcome.lost or outcome.outage) == (outcome.sent < 4 and not outcome.too_large)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_the_last_one_is_refused(status):
    assert lists(read(Answer(status, "events[7]"), 1, 1)) == (0, [0], 0, ())


def test_what_never_changes_is_given_up():
    assert read(Answer(500), 4, SERVER_ERRORS).refused == range(4)
    assert read(Answer(503), 4, 1000).rest == ALL  # it says that it will pass
    assert read(Answer(206, FULL % (0, 4)), 4, STANDSTILLS).refused == range(4)
    assert read(Answer(206, FULL % (1, 3)), 4, STANDSTILLS).rest == (range(1, 4),)


def test_a_server_that_knows_events_again():
    lost = Answer(error="reset", may_have_arrived=True)
    assert read(lost, 4, 1, idempotent=True).rest == ALL


def event(number, parent):
    name = "%08x-0000-4000-8000-000000000000"
    under = "null" if parent is None else f'"{name % parent}"'
    return (
        f'{{"id":"{name % number}","trace_id":"{name % 0}","parent_id":{under},"x":"{name % 1}"}}'
    ).encode()


def test_orphans_move_up_past_all_that_were_lost():
    orphans = Orphans()
    assert orphans.adopt(event(2, 1)) == event(2, 1)
    orphans.lost(event(1, None))
    orphans.lost(event(2, 1))
    assert orphans.adopt(event(3, 2)) == event(3, None)
    assert orphans.adopt(event(3, 4)) == event(3, 4)
    orphans.lost(b"what is no event")
    assert orphans.adopt(b"neither") == b"neither"


def test_the_number_of_the_lost_is_bounded():
    orphans = Orphans()
    for number in range(1, KEPT + 2):
        orphans.lost(event(number, None))
    assert orphans.adopt(event(0, 1)) == event(0, 1)
    assert orphans.adopt(event(0, 2)) == event(0, None)
