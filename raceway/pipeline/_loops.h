/* What a loop repeats: passes that change nothing are counted.
 *
 * An actor that goes round a loop, with nobody else in between, does the same again and again: the
 * same ops at the same places, a few epochs later.  Nothing becomes known by that but what is later,
 * and each pass puts its accesses and sections in the place of those of the pass before.  So as soon
 * as two passes have changed nothing else, those that follow are counted, and only the last few of
 * them are looked at.  All that is known in the end is as if each had been. */

#ifndef RACEWAY_LOOPS_H
#define RACEWAY_LOOPS_H

#define LONGEST 256  /* ops of a pass */
#define RING (2 * LONGEST)
#define PLACES_BITS 10
#define LOOKED_AT 3  /* passes at the end: sequences reach from one into the next */

typedef struct {
    int64_t epoch, word;
    PyObject *thing, *argument;  /* the list has them */
} Op;

typedef struct {
    Op ring[RING];
    int64_t latest[1 << PLACES_BITS];  /* by what is done where: the latest op that did that */
    int64_t begin;     /* the first op that counts: its actor has done all that follow */
    int64_t period;    /* ops of a pass, or 0 */
    int64_t distance;  /* epochs of a pass */
    int64_t streak;    /* how many ops in a row have been what the one a period before was */
    int64_t changed;   /* the last op that has changed more than the accesses and sections */
    int64_t retry;     /* where it makes sense to look ahead again */
} Loop;

static inline Op *
op_at(Loop *loop, int64_t number)
{
    return &loop->ring[number & (RING - 1)];
}

static inline int
is_same(PyObject *one, PyObject *two)
{
    if (one == two) {
        return 1;
    }
    if (!PyLong_CheckExact(one) || !PyLong_CheckExact(two)) {
        return 0;
    }
    int too_long, much_too_long;
    int64_t number = PyLong_AsLongLongAndOverflow(one, &too_long);
    int64_t other = PyLong_AsLongLongAndOverflow(two, &much_too_long);
    return !too_long && !much_too_long && number == other;
}

/* Tell whether an op is the same as an earlier one, some epochs later. */
static inline int
is_again(const Op *one, const Op *before, int64_t distance)
{
    if (one->word != before->word || one->epoch - before->epoch != distance
        || !is_same(one->thing, before->thing)) {
        return 0;
    }
    if ((one->word & OP_MASK) == VALUE && is_same(one->thing, zero)) {
        /* One scalar is as good as another one of its class; the class of None has no other. */
        return Py_TYPE(one->argument) == Py_TYPE(before->argument);
    }
    return is_same(one->argument, before->argument);
}

static inline void
begin_loop(Loop *loop, int64_t at)
{
    loop->begin = at;
    loop->period = loop->streak = 0;
}

static inline void
note(Loop *loop, int64_t at, Op op)
{
    *op_at(loop, at) = op;
    uint64_t key = (uint64_t)op.word;
    if ((op.word & OP_MASK) != VALUE && PyLong_CheckExact(op.argument)) {
        int too_long;
        key ^= (uint64_t)PyLong_AsLongLongAndOverflow(op.argument, &too_long) << 32;
    }
    int64_t *latest = &loop->latest[key * 0x9E3779B97F4A7C15u >> (64 - PLACES_BITS)];
    if (loop->period && is_again(&op, op_at(loop, at - loop->period), loop->distance)) {
        loop->streak++;
    }
    else {
        int64_t period = *latest >= loop->begin ? at - *latest : LONGEST + 1;
        begin_loop(loop, loop->begin);
        if (period <= LONGEST) {
            Op *before = op_at(loop, *latest);
            loop->period = period;
            loop->distance = op.epoch - before->epoch;
            loop->streak = is_again(&op, before, loop->distance);
        }
    }
    *latest = at;
}

/* Read an op of the same actor; return 0 if it is of another one, or does not fit. */
static int
read_op(PyObject *stream, int64_t at, int64_t actor, Op *op)
{
    PyObject **items = &PyList_GET_ITEM(stream, at * STRIDE);
    if (!PyLong_CheckExact(items[0]) || !PyLong_CheckExact(items[1])) {
        return 0;
    }
    int too_long, much_too_long;
    int64_t token = PyLong_AsLongLongAndOverflow(items[0], &too_long);
    int64_t word = PyLong_AsLongLongAndOverflow(items[1], &much_too_long);
    *op = (Op){token & EPOCH_MASK, word, items[2], items[3]};
    return !too_long && !much_too_long && token >> EPOCH_BITS == actor;
}

/* Return how many ops from one on can be passed over, and count them. */
static int64_t
passed_over(Run *run, Loop *loop, PyObject *stream, int64_t at, int64_t actor)
{
    int64_t period = loop->period, end = PyList_GET_SIZE(stream) / STRIDE;
    if (!period || loop->streak < 2 * period || loop->changed >= at - 2 * period
        || at < loop->retry) {
        return 0;
    }
    int64_t distance = loop->distance, to = at, in_pass = 0;
    Op op;
    while (to < end && read_op(stream, to, actor, &op)
           && is_again(&op, op_at(loop, at - period + in_pass), distance)) {
        to++;
        if (++in_pass == period) {
            in_pass = 0;
            distance += loop->distance;
        }
    }
    int64_t passes = (to - at) / period - LOOKED_AT;
    loop->retry = to;
    if (passes <= 0) {
        return 0;
    }
    int64_t counted = 0, accesses = 0, taken = 0;
    for (int64_t one = at - period; one < at; one++) {
        int64_t what = op_at(loop, one)->word & OP_MASK;
        counted += what != FRAME;
        accesses += what <= LAST_ACCESS;
        taken += what == ACQUIRE || what == TRY_ACQUIRE;
    }
    if (taken && run->serial == UNKNOWN) {
        return 0;
    }
    run->index += passes * counted;
    run->accesses += passes * accesses;
    run->serial += passes * taken;
    begin_loop(loop, at + passes * period);
    return passes * period;
}

#endif
