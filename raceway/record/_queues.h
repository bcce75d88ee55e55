/* What queue.Queue costs most for: the steps around put() and get(), in the usual case.
 *
 * raceway_autopatch.queued and Permits are the reference.  As long as a queue is used as usual, what
 * they keep in dicts and lists is in a Table, without an object for a number; and no step runs code
 * of Python.  At the first unusual thing (the program has changed ``queue.queue``, or gives out what
 * it did not take in) all of it is handed over to the Python objects, once and in one step, and the
 * Python functions go on with it.
 */

#ifndef RACEWAY_QUEUES_H
#define RACEWAY_QUEUES_H

enum { PUTTING, HAS_PUT, NOT_PUT, GETTING, GOT, NOT_GOT, QUEUE_STEPS };
static const char *const queue_steps[] = {"putting", "has_put", "not_put", "getting", "got",
                                          "not_got"};

static struct {
    PyTypeObject *items, *permits, *deque;
    Py_ssize_t pending, more, puts, inflight, getters, room, table; /* of Items */
    Py_ssize_t acquires, serials, last, inside, waiting;            /* of Permits */
    PyObject *count, *numbers; /* the class, and the one that numbers channels */
    PyObject *str_queue, *str_next, *zero;
    long send, receive, handoff;
} Q;

/* ------------------------------------------------------------------ what is known of a queue */

#define NOWHERE (-1)

/* One put that no get has taken; those of the same object are in a line. */
typedef struct {
    int64_t channel;
    int32_t next; /* also in the list of those that are free */
} Put;

/* The puts of one object. */
typedef struct {
    uintptr_t key;    /* its address; 0: this place is free */
    int64_t inflight; /* the channel of a put of it that has not returned, or 0 */
    int32_t first, last;
} Line;

typedef struct {
    PyObject_HEAD
    Line *lines;
    size_t mask, used; /* the number of places, less one; those in use */
    Put *puts;
    int32_t room_for_puts, free;
    Py_ssize_t waiting_puts, inflight, getters;
    /* Permits, if there is a maximum size. */
    int64_t room; /* its channel, or 0 */
    int64_t initial, acquires, last;
    Py_ssize_t inside;
    int64_t *released; /* a ring: the channels of room that no put has used */
    size_t released_mask, released_first, released_count;
} Table;

#define LEAST_LINES 16

static inline size_t
home_of(const Table *self, uintptr_t key)
{
    return (size_t)((uint64_t)(key >> 4) * 0x9E3779B97F4A7C15u >> 20) & self->mask;
}

static Line *
find_line(const Table *self, uintptr_t key)
{
    for (size_t at = home_of(self, key); self->lines[at].key != 0; at = (at + 1) & self->mask) {
        if (self->lines[at].key == key) {
            return &self->lines[at];
        }
    }
    return NULL;
}

static Line *
free_line(const Table *self, uintptr_t key)
{
    size_t at = home_of(self, key);
    while (self->lines[at].key != 0) {
        at = (at + 1) & self->mask;
    }
    return &self->lines[at];
}

/* Return the line of an object, beginning one if there is none; NULL if memory has run out. */
static Line *
line_of(Table *self, uintptr_t key)
{
    Line *line = find_line(self, key);
    if (line != NULL) {
        return line;
    }
    if (2 * (self->used + 1) > self->mask + 1) {
        size_t places = self->mask + 1;
        Line *before = self->lines, *lines = PyMem_Calloc(2 * places, sizeof(Line));
        if (lines == NULL) {
            return NULL;
        }
        self->lines = lines;
        self->mask = 2 * places - 1;
        for (size_t at = 0; at < places; at++) {
            if (before[at].key != 0) {
                *free_line(self, before[at].key) = before[at];
            }
        }
        PyMem_Free(before);
    }
    line = free_line(self, key);
    *line = (Line){key, 0, NOWHERE, NOWHERE};
    self->used++;
    return line;
}

/* Forget the line of an object of which nothing is known any more. */
static void
drop_line(Table *self, Line *line)
{
    if (line->first != NOWHERE || line->inflight != 0) {
        return;
    }
    size_t hole = line - self->lines;
    self->lines[hole].key = 0;
    self->used--;
    /* Whoever could not be at home because of this one moves up: no search may end at the hole. */
    for (size_t at = (hole + 1) & self->mask; self->lines[at].key != 0; at = (at + 1) & self->mask) {
        size_t home = home_of(self, self->lines[at].key);
        if (((at - home) & self->mask) >= ((at - hole) & self->mask)) {
            self->lines[hole] = self->lines[at];
            self->lines[at].key = 0;
            hole = at;
        }
    }
}

/* Return the place of a new put, or NOWHERE. */
static int32_t
new_put(Table *self, int64_t channel)
{
    if (self->free == NOWHERE) {
        if (self->room_for_puts > INT32_MAX / 2) {
            return NOWHERE;
        }
        int32_t room = self->room_for_puts == 0 ? LEAST_LINES : 2 * self->room_for_puts;
        Put *puts = PyMem_Realloc(self->puts, room * sizeof(Put));
        if (puts == NULL) {
            return NOWHERE;
        }
        self->puts = puts;
        for (int32_t at = room - 1; at >= self->room_for_puts; at--) {
            puts[at].next = self->free;
            self->free = at;
        }
        self->room_for_puts = room;
    }
    int32_t put = self->free;
    self->free = self->puts[put].next;
    self->puts[put] = (Put){channel, NOWHERE};
    self->waiting_puts++;
    return put;
}

static void
give_back_put(Table *self, int32_t put)
{
    self->puts[put].next = self->free;
    self->free = put;
    self->waiting_puts--;
}

/* Take the put out that came first; return its channel. */
static int64_t
take_put(Table *self, Line *line)
{
    int32_t put = line->first;
    int64_t channel = self->puts[put].channel;
    line->first = self->puts[put].next;
    if (line->first == NOWHERE) {
        line->last = NOWHERE;
    }
    give_back_put(self, put);
    return channel;
}

/* Take out a put that has failed. */
static void
remove_put(Table *self, Line *line, int64_t channel)
{
    int32_t before = NOWHERE, put = line->first;
    while (put != NOWHERE && self->puts[put].channel != channel) {
        before = put;
        put = self->puts[put].next;
    }
    if (put == NOWHERE) {
        return; /* another thread has got it already */
    }
    if (before == NOWHERE) {
        line->first = self->puts[put].next;
    }
    else {
        self->puts[before].next = self->puts[put].next;
    }
    if (line->last == put) {
        line->last = before;
    }
    give_back_put(self, put);
}

/* -1 if memory has run out. */
static int
push_released(Table *self, int64_t channel)
{
    if (self->released_count > self->released_mask) {
        size_t room = 2 * (self->released_mask + 1);
        int64_t *ring = PyMem_Malloc(room * sizeof(int64_t));
        if (ring == NULL) {
            return -1;
        }
        for (size_t at = 0; at < self->released_count; at++) {
            ring[at] = self->released[(self->released_first + at) & self->released_mask];
        }
        PyMem_Free(self->released);
        self->released = ring;
        self->released_first = 0;
        self->released_mask = room - 1;
    }
    self->released[(self->released_first + self->released_count++) & self->released_mask] = channel;
    return 0;
}

/* Return the channel that has waited longest, or 0. */
static int64_t
pop_released(Table *self)
{
    if (self->released_count == 0) {
        return 0;
    }
    int64_t channel = self->released[self->released_first];
    self->released_first = (self->released_first + 1) & self->released_mask;
    self->released_count--;
    return channel;
}

static void
remove_released(Table *self, int64_t channel)
{
    size_t at = self->released_count;
    while (at > 0 && self->released[(self->released_first + at - 1) & self->released_mask] != channel) {
        at--;
    }
    if (at == 0) {
        return; /* a put has used it */
    }
    for (; at < self->released_count; at++) {
        self->released[(self->released_first + at - 1) & self->released_mask] =
            self->released[(self->released_first + at) & self->released_mask];
    }
    self->released_count--;
}

static PyObject *
table_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    long long room = 0, initial = 0;
    if (!PyArg_ParseTuple(args, "|LL", &room, &initial)) {
        return NULL;
    }
    Table *self = (Table *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->free = NOWHERE;
    self->room = room;
    self->initial = initial;
    self->mask = LEAST_LINES - 1;
    self->released_mask = LEAST_LINES - 1;
    self->lines = PyMem_Calloc(LEAST_LINES, sizeof(Line));
    self->released = PyMem_Malloc(LEAST_LINES * sizeof(int64_t));
    if (self->lines == NULL || self->released == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static void
table_dealloc(Table *self)
{
    PyMem_Free(self->lines);
    PyMem_Free(self->puts);
    PyMem_Free(self->released);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* In a copy of a queue nothing is known of its puts: it goes the way of Python. */
static PyObject *
table_reduce(Table *self, PyObject *ignored)
{
    return Py_BuildValue("(O())", (PyObject *)Py_TYPE(Py_None));
}

static PyMethodDef table_methods[] = {
    {"__reduce__", (PyCFunction)table_reduce, METH_NOARGS, "Let a copy be None."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject TableType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "raceway.record._accelerator.QueueTable",
    .tp_basicsize = sizeof(Table),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "What is known of a queue that is used as usual: the channel of its room, and its\n"
              "maximum size.",
    .tp_new = table_new,
    .tp_methods = table_methods,
    .tp_dealloc = (destructor)table_dealloc,
};

/* ------------------------------------------------------------------ over to the Python objects */

static PyObject *
list_of_one(int64_t channel)
{
    PyObject *number = PyLong_FromLongLong(channel);
    PyObject *list = number == NULL ? NULL : PyList_New(1);
    if (list == NULL) {
        Py_XDECREF(number);
        return NULL;
    }
    PyList_SET_ITEM(list, 0, number);
    return list;
}

static PyObject *
list_of_nothing(Py_ssize_t length)
{
    PyObject *list = PyList_New(length);
    for (Py_ssize_t at = 0; list != NULL && at < length; at++) {
        PyList_SET_ITEM(list, at, Py_NewRef(Py_None));
    }
    return list;
}

/* Write a line into the dicts of Items; -1 on failure. */
static int
hand_over_line(const Table *self, const Line *line, PyObject *pending, PyObject *more,
               PyObject *inflight)
{
    PyObject *key = PyLong_FromVoidPtr((void *)line->key), *others = NULL, *channel = NULL;
    int failed = key == NULL;
    if (!failed && line->inflight != 0) {
        channel = PyLong_FromLongLong(line->inflight);
        failed = channel == NULL || PyDict_SetItem(inflight, key, channel) < 0;
    }
    for (int32_t put = line->first; !failed && put != NOWHERE; put = self->puts[put].next) {
        PyObject *one = list_of_one(self->puts[put].channel);
        if (one == NULL) {
            failed = 1;
        }
        else if (put == line->first) {
            failed = PyDict_SetItem(pending, key, one) < 0;
        }
        else {
            if (others == NULL) {
                others = PyList_New(0);
                failed = others == NULL || PyDict_SetItem(more, key, others) < 0;
            }
            failed = failed || PyList_Append(others, one) < 0;
        }
        Py_XDECREF(one);
    }
    Py_XDECREF(key);
    Py_XDECREF(channel);
    Py_XDECREF(others);
    return failed ? -1 : 0;
}

/* Return ``itertools.count(number).__next__``. */
static PyObject *
counter_from(int64_t number)
{
    PyObject *count = PyObject_CallFunction(Q.count, "L", (long long)number);
    PyObject *next = count == NULL ? NULL : PyObject_GetAttr(count, Q.str_next);
    Py_XDECREF(count);
    return next;
}

/* Let the room of a queue go on in its Permits; -1 on failure. */
static int
hand_over_room(const Table *self, PyObject *permits)
{
    PyObject *acquires = counter_from(self->acquires), *serials = counter_from(1);
    PyObject *inside = list_of_nothing(self->inside), *last = PyLong_FromLongLong(-self->last);
    PyObject *waiting = PyList_New(0);
    int failed = acquires == NULL || serials == NULL || inside == NULL || last == NULL
        || waiting == NULL;
    for (size_t at = 0; !failed && at < self->released_count; at++) {
        PyObject *channel = PyLong_FromLongLong(
            self->released[(self->released_first + at) & self->released_mask]);
        failed = channel == NULL || PyList_Append(waiting, channel) < 0;
        Py_XDECREF(channel);
    }
    if (!failed) {
        set_field(permits, Q.acquires, acquires);
        set_field(permits, Q.serials, serials);
        set_field(permits, Q.inside, inside);
        set_field(permits, Q.last, last);
        set_field(permits, Q.waiting, waiting);
    }
    Py_XDECREF(acquires);
    Py_XDECREF(serials);
    Py_XDECREF(inside);
    Py_XDECREF(last);
    Py_XDECREF(waiting);
    return failed ? -1 : 0;
}

/* Let Items go on with what is in its table; -1 on failure, and then nothing has changed. */
static int
hand_over(PyObject *items, Table *self)
{
    PyObject *pending = PyDict_New(), *more = PyDict_New(), *inflight = PyDict_New();
    PyObject *puts = list_of_nothing(self->waiting_puts);
    PyObject *getters = list_of_nothing(self->getters), *room = FIELD(items, Q.room);
    int failed = pending == NULL || more == NULL || inflight == NULL || puts == NULL
        || getters == NULL;
    for (size_t at = 0; !failed && at <= self->mask; at++) {
        failed = self->lines[at].key != 0
            && hand_over_line(self, &self->lines[at], pending, more, inflight) < 0;
    }
    if (!failed && room != NULL && Py_TYPE(room) == Q.permits) {
        failed = hand_over_room(self, room) < 0;
    }
    if (!failed) {
        set_field(items, Q.pending, pending);
        set_field(items, Q.more, more);
        set_field(items, Q.inflight, inflight);
        set_field(items, Q.puts, puts);
        set_field(items, Q.getters, getters);
        set_field(items, Q.table, Py_None);
    }
    Py_XDECREF(pending);
    Py_XDECREF(more);
    Py_XDECREF(inflight);
    Py_XDECREF(puts);
    Py_XDECREF(getters);
    return failed ? -1 : 0;
}

/* ------------------------------------------------------------------ the steps */

/* Append an op without an argument, and begin a new epoch; there is room. */
static inline void
append_message(State *state, int64_t channel, long op_number)
{
    fill(G.buffer->ops + G.buffer->count, state, channel << G.op_bits | op_number, NOTHING, NULL, 0);
    G.buffer->count++;
    state->epoch++;
}

/* Return the number of a new channel, or 0. */
static int64_t
new_channel(void)
{
    PyObject *number = Py_TYPE(Q.numbers)->tp_iternext(Q.numbers);
    int64_t channel = number == NULL ? 0 : PyLong_AsLongLong(number);
    Py_XDECREF(number);
    return channel;
}

/* Whether Items.compare() has nothing to do. */
static int
is_as_put(const Table *table, PyObject *queue)
{
    PyObject *dict = PyObject_GenericGetDict(queue, NULL);
    PyObject *contents = dict == NULL ? NULL : PyDict_GetItemWithError(dict, Q.str_queue);
    int same = contents != NULL && (Py_TYPE(contents) == Q.deque || PyList_CheckExact(contents))
        && (Py_SIZE(contents) == table->waiting_puts || table->inflight || table->getters);
    Py_XDECREF(dict);
    PyErr_Clear();
    return same;
}

/* What a put is given, and shows when it has returned: its channel, and whether it is alone. */
static inline PyObject *
ticket_of(int64_t channel, int is_alone)
{
    return PyLong_FromLongLong(channel << 1 | is_alone);
}

/* Items.putting() and Permits.enter(). */
static PyObject *
step_putting(PyObject *const *args, Table *table, State *state)
{
    if (!is_as_put(table, args[1])) {
        return NULL;
    }
    Line *line = line_of(table, (uintptr_t)args[2]);
    if (line == NULL) {
        return PyErr_NoMemory();
    }
    int is_shared = line->inflight != 0, is_alone = table->room != 0 && table->inside == 0;
    int64_t channel = is_shared ? line->inflight : new_channel();
    PyObject *ticket = channel == 0 ? NULL : ticket_of(channel, is_alone);
    int32_t put = ticket == NULL || room_for(G.buffer, 1) == NULL ? NOWHERE
        : new_put(table, channel);
    if (put == NOWHERE) {
        drop_line(table, line);
        Py_XDECREF(ticket);
        return PyErr_Occurred() ? NULL : PyErr_NoMemory();
    }
    if (line->last == NOWHERE) {
        line->first = put;
    }
    else {
        table->puts[line->last].next = put;
    }
    line->last = put;
    table->inflight += !is_shared;
    line->inflight = channel;
    if (table->room != 0) {
        table->inside++;
        table->last = is_shared ? 0 : channel; /* 0: the one before was not the last one */
    }
    append_message(state, channel, is_shared ? Q.send : Q.handoff);
    return ticket;
}

static void
is_not_inflight(Table *table, PyObject *item)
{
    Line *line = find_line(table, (uintptr_t)item);
    if (line != NULL && line->inflight != 0) {
        line->inflight = 0;
        table->inflight--;
        drop_line(table, line);
    }
}

/* Items.has_put(), Permits.acquired() and Permits.leave(). */
static PyObject *
step_has_put(PyObject *const *args, Table *table, State *state)
{
    if (!PyLong_CheckExact(args[2])) {
        return NULL;
    }
    int64_t ticket = PyLong_AsLongLong(args[2]);
    if (room_for(G.buffer, 1) == NULL) {
        return NULL;
    }
    is_not_inflight(table, args[1]);
    if (table->room != 0) {
        if (table->acquires++ >= table->initial) {
            int64_t channel = pop_released(table);
            if (channel == 0 || !(ticket & 1) || table->getters >= 2 || table->last != ticket >> 1) {
                channel = table->room;
            }
            append_message(state, channel, Q.receive);
        }
        table->inside--;
    }
    return Py_NewRef(Py_None);
}

/* Items.not_put() and Permits.leave(). */
static PyObject *
step_not_put(PyObject *const *args, Table *table, State *state)
{
    if (!PyLong_CheckExact(args[2])) {
        return NULL;
    }
    Line *line = find_line(table, (uintptr_t)args[1]);
    if (line != NULL) {
        remove_put(table, line, PyLong_AsLongLong(args[2]) >> 1);
        table->inflight -= line->inflight != 0;
        line->inflight = 0;
        drop_line(table, line);
    }
    table->inside -= table->room != 0;
    return Py_NewRef(Py_None);
}

/* Items.compare() and Permits.released(): the channel of the room that is made, or 0. */
static PyObject *
step_getting(PyObject *const *args, Table *table, State *state)
{
    if (!is_as_put(table, args[1])) {
        return NULL;
    }
    if (table->room == 0) {
        table->getters++;
        return Py_NewRef(Q.zero);
    }
    PyObject *number = Py_TYPE(Q.numbers)->tp_iternext(Q.numbers);
    int64_t channel = number == NULL ? 0 : PyLong_AsLongLong(number);
    if (channel == 0 || room_for(G.buffer, 2) == NULL || push_released(table, channel) < 0) {
        Py_XDECREF(number);
        return PyErr_Occurred() ? NULL : PyErr_NoMemory();
    }
    table->getters++;
    append_message(state, channel, Q.send);
    append_message(state, table->room, Q.send);
    return number;
}

/* Items.got(), for an item of which it is known who has put it. */
static PyObject *
step_got(PyObject *const *args, Table *table, State *state)
{
    Line *line = find_line(table, (uintptr_t)args[1]);
    if (line == NULL || line->first == NOWHERE || room_for(G.buffer, 1) == NULL) {
        return NULL;
    }
    append_message(state, take_put(table, line), Q.receive);
    drop_line(table, line);
    table->getters--;
    return Py_NewRef(Py_None);
}

/* The end of a get that has failed, and Permits.not_released(). */
static PyObject *
step_not_got(PyObject *const *args, Table *table, State *state)
{
    if (!PyLong_CheckExact(args[1])) {
        return NULL;
    }
    table->getters--;
    remove_released(table, PyLong_AsLongLong(args[1]));
    return Py_NewRef(Py_None);
}

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *function; /* the Python function that does the same, and everything unusual */
    int step;
} QueueStep;

/* Call the Python function, which knows a put by its channel and what Permits.enter() returns. */
static PyObject *
step_in_python(QueueStep *step, PyObject *const *args, size_t nargsf, PyObject *names)
{
    int has_ticket = step->step == HAS_PUT || step->step == NOT_PUT;
    if (!has_ticket || PyVectorcall_NARGS(nargsf) != 3 || !PyLong_CheckExact(args[2])) {
        return PyObject_Vectorcall(step->function, args, nargsf, names);
    }
    int64_t ticket = PyLong_AsLongLong(args[2]);
    PyObject *put = Py_BuildValue("L(LO)", (long long)(ticket >> 1), -(long long)(ticket >> 1),
                                  ticket & 1 ? Py_True : Py_False);
    PyObject *all[] = {args[0], args[1], put};
    PyObject *answer = put == NULL ? NULL : PyObject_Vectorcall(step->function, all, 3, names);
    Py_XDECREF(put);
    return answer;
}

static PyObject *
queue_step_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)
{
    static const struct {
        Py_ssize_t count;
        PyObject *(*take)(PyObject *const *, Table *, State *);
    } steps[] = {{3, step_putting}, {3, step_has_put}, {3, step_not_put},
                 {2, step_getting}, {2, step_got},     {2, step_not_got}};
    QueueStep *step = (QueueStep *)self;
    PyObject *answer = NULL, *items = PyVectorcall_NARGS(nargsf) ? args[0] : NULL;
    PyObject *table = items == NULL || Py_TYPE(items) != Q.items ? NULL : FIELD(items, Q.table);
    if (table == NULL || Py_TYPE(table) != &TableType) {
        return step_in_python(step, args, nargsf, names);
    }
    State *state = known_state();
    if (state != NULL && names == NULL && PyVectorcall_NARGS(nargsf) == steps[step->step].count) {
        answer = steps[step->step].take(args, (Table *)table, state);
    }
    if (answer == NULL) {
        if (!PyErr_Occurred()) {
            int collects = PyGC_Disable(); /* up to Python 3.11 it begins when something is made */
            hand_over(items, (Table *)table);
            if (collects) {
                PyGC_Enable();
            }
        }
        if (PyErr_Occurred()) { /* out of memory */
            return forgiven("queue") ? Py_NewRef(Py_None) : NULL;
        }
        return step_in_python(step, args, nargsf, names);
    }
    if (make_room() < 0 && !forgiven("queue")) {
        Py_CLEAR(answer);
    }
    return answer;
}

static PyObject *
queue_step_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    const char *name;
    PyObject *function;
    if (!PyArg_ParseTuple(args, "sO", &name, &function)) {
        return NULL;
    }
    int step = 0;
    while (step < QUEUE_STEPS && strcmp(name, queue_steps[step]) != 0) {
        step++;
    }
    if (step == QUEUE_STEPS || Q.items == NULL) {
        PyErr_Format(PyExc_ValueError, "there is no step %s, or no queue", name);
        return NULL;
    }
    QueueStep *self = (QueueStep *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->call = queue_step_call;
        Py_INCREF(function);
        self->function = function;
        self->step = step;
    }
    return (PyObject *)self;
}

static int
queue_step_traverse(QueueStep *self, visitproc visit, void *arg)
{
    Py_VISIT(self->function);
    return 0;
}

static int
queue_step_clear(QueueStep *self)
{
    Py_CLEAR(self->function);
    return 0;
}

static void
queue_step_dealloc(QueueStep *self)
{
    PyObject_GC_UnTrack(self);
    queue_step_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyTypeObject QueueStepType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "raceway.record._accelerator.QueueStep",
    .tp_basicsize = sizeof(QueueStep),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_doc = "A step around put() and get() of a queue: its name (putting, has_put, not_put, getting,\n"
              "got, not_got), and the function in Python that it stands for.",
    .tp_new = queue_step_new,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(QueueStep, call),
    .tp_traverse = (traverseproc)queue_step_traverse,
    .tp_clear = (inquiry)queue_step_clear,
    .tp_dealloc = (destructor)queue_step_dealloc,
};

PyDoc_STRVAR(configure_queues_doc,
"configure_queues(*, items, permits, deque, next_channel, send, receive, handoff)\n--\n\n"
"Take what the patch of queue is made of: classes, a function, and ops.");

static PyObject *
configure_queues(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"items", "permits", "deque", "next_channel", "send", "receive",
                            "handoff", NULL};
    PyObject *items, *permits, *deque, *next_channel;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "$O!O!O!Olll", names, &PyType_Type, &items,
                                     &PyType_Type, &permits, &PyType_Type, &deque, &next_channel,
                                     &Q.send, &Q.receive, &Q.handoff)) {
        return NULL;
    }
    const struct {
        PyObject *type;
        const char *name;
        Py_ssize_t *at;
    } fields[] = {
        {items, "pending", &Q.pending}, {items, "more", &Q.more}, {items, "puts", &Q.puts},
        {items, "inflight", &Q.inflight}, {items, "getters", &Q.getters},
        {items, "room", &Q.room}, {items, "table", &Q.table}, {permits, "acquires", &Q.acquires},
        {permits, "serials", &Q.serials}, {permits, "last", &Q.last},
        {permits, "inside", &Q.inside}, {permits, "waiting", &Q.waiting},
    };
    for (size_t at = 0; at < sizeof(fields) / sizeof(*fields); at++) {
        *fields[at].at = slot_offset((PyTypeObject *)fields[at].type, fields[at].name);
        if (*fields[at].at < 0) {
            return NULL;
        }
    }
    if (Q.str_queue == NULL) {
        Q.str_queue = PyUnicode_InternFromString("queue");
        Q.str_next = PyUnicode_InternFromString("__next__");
        Q.zero = PyLong_FromLong(0);
    }
    /* The counter itself: called by its method, it would take four times as long. */
    PyObject *numbers = Q.zero == NULL || Q.str_next == NULL || Q.str_queue == NULL ? NULL
        : PyObject_GetAttrString(next_channel, "__self__");
    if (numbers == NULL) {
        return NULL;
    }
    if (!PyIter_Check(numbers)) {
        Py_DECREF(numbers);
        PyErr_SetString(PyExc_TypeError, "not the __next__ of a counter");
        return NULL;
    }
    Py_XSETREF(Q.numbers, numbers);
    Py_INCREF(Py_TYPE(numbers));
    Py_XSETREF(Q.count, (PyObject *)Py_TYPE(numbers));
    Py_INCREF(permits);
    Py_XSETREF(Q.permits, (PyTypeObject *)permits);
    Py_INCREF(deque);
    Py_XSETREF(Q.deque, (PyTypeObject *)deque);
    Py_INCREF(items);
    Py_XSETREF(Q.items, (PyTypeObject *)items);
    Py_RETURN_NONE;
}

#endif
