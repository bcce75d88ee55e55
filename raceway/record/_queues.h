/* What queue.Queue costs most for: the four steps around put() and get(), in the usual case.
 *
 * raceway_autopatch.queued and Permits are the reference: this does the same to their slots, without
 * running code of Python in between, and leaves everything unusual to them before it has changed
 * anything.
 */

#ifndef RACEWAY_QUEUES_H
#define RACEWAY_QUEUES_H

enum { PUTTING, HAS_PUT, GETTING, GOT, QUEUE_STEPS };
static const char *const queue_steps[] = {"putting", "has_put", "getting", "got"};

static struct {
    PyTypeObject *items, *permits, *deque;
    Py_ssize_t pending, more, puts, inflight, getters, common, newest_first, room; /* of Items */
    Py_ssize_t channel, initial, acquires, serials, last, inside, waiting;         /* of Permits */
    PyObject *next_channel, *str_queue, *zero;
    long send, receive, handoff;
} Q;

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *function; /* the Python function that does the same, and everything unusual */
    int step;
} QueueStep;

/* What is known of a queue, all borrowed from it. */
typedef struct {
    PyObject *items, *pending, *more, *puts, *inflight, *getters;
    PyObject *room; /* NULL: it has no maximum size */
} Known;

/* Look at a queue's Items: 1, or 0 if they are not as usual. */
static int
look_at(PyObject *items, Known *known)
{
    if (Py_TYPE(items) != Q.items) {
        return 0;
    }
    PyObject *common = FIELD(items, Q.common), *room = FIELD(items, Q.room);
    *known = (Known){
        items, FIELD(items, Q.pending), FIELD(items, Q.more), FIELD(items, Q.puts),
        FIELD(items, Q.inflight), FIELD(items, Q.getters), room == Py_None ? NULL : room,
    };
    return common == Q.zero && FIELD(items, Q.newest_first) == Py_False
        && known->pending != NULL && PyDict_CheckExact(known->pending)
        && known->more != NULL && PyDict_CheckExact(known->more)
        && known->inflight != NULL && PyDict_CheckExact(known->inflight)
        && known->puts != NULL && PyList_CheckExact(known->puts)
        && known->getters != NULL && PyList_CheckExact(known->getters)
        && room != NULL && (room == Py_None || (Py_TYPE(room) == Q.permits
            && PyList_CheckExact(FIELD(room, Q.inside))
            && PyList_CheckExact(FIELD(room, Q.waiting))
            && PyLong_CheckExact(FIELD(room, Q.channel))));
}

/* Whether Items.compare() has nothing to do. */
static int
is_as_put(const Known *known, PyObject *queue)
{
    PyObject *dict = PyObject_GenericGetDict(queue, NULL);
    PyObject *contents = dict == NULL ? NULL : PyDict_GetItemWithError(dict, Q.str_queue);
    int same = contents != NULL && (Py_TYPE(contents) == Q.deque || PyList_CheckExact(contents))
        && (Py_SIZE(contents) == PyList_GET_SIZE(known->puts)
            || PyDict_GET_SIZE(known->inflight) || PyList_GET_SIZE(known->getters));
    Py_XDECREF(dict);
    PyErr_Clear();
    return same;
}

/* Append an op without an argument, and begin a new epoch; -1 on failure. */
static int
append_message(State *state, PyObject *channel, long op_number)
{
    Op *op = room_for(G.buffer, 1);
    if (op == NULL) {
        return -1;
    }
    fill(op, state, PyLong_AsLongLong(channel) << G.op_bits | op_number, NOTHING, NULL, 0);
    G.buffer->count++;
    state->epoch++;
    return 0;
}

/* Return the first item of a list that has any, taking it out. */
static PyObject *
take_first(PyObject *list)
{
    PyObject *first = PyList_GET_ITEM(list, 0);
    Py_INCREF(first);
    if (PyList_SetSlice(list, 0, 1, NULL) < 0) {
        Py_CLEAR(first);
    }
    return first;
}

static int
drop_last(PyObject *list)
{
    Py_ssize_t size = PyList_GET_SIZE(list);
    return size ? PyList_SetSlice(list, size - 1, size, NULL) : 0;
}

/* Items.putting() and Permits.enter(): the channel, with the number and whether it is alone. */
static PyObject *
step_putting(PyObject *const *args, State *state)
{
    Known known;
    if (!look_at(args[0], &known) || !is_as_put(&known, args[1])) {
        return NULL;
    }
    PyObject *key = PyLong_FromVoidPtr(args[2]), *channel = NULL, *put = NULL, *entered = NULL;
    PyObject *line = NULL, *serial = NULL, *answer = NULL;
    if (key == NULL || PyDict_Contains(known.inflight, key) != 0
        || (channel = PyObject_CallNoArgs(Q.next_channel)) == NULL
        || (put = PyList_New(1)) == NULL) {
        goto done;
    }
    Py_INCREF(channel);
    PyList_SET_ITEM(put, 0, channel);
    if (PyDict_SetItem(known.inflight, key, channel) < 0
        || PyList_Append(known.puts, Py_None) < 0) {
        goto done;
    }
    PyObject *first = PyDict_SetDefault(known.pending, key, put); /* borrowed */
    if (first != NULL && first != put) {
        line = PyDict_GetItemWithError(known.more, key);
        Py_XINCREF(line);
        if (line == NULL && !PyErr_Occurred() && (line = PyList_New(0)) != NULL
            && PyDict_SetItem(known.more, key, line) < 0) {
            goto done;
        }
        if (line == NULL || PyList_Append(line, put) < 0) {
            goto done;
        }
    }
    if (first == NULL || append_message(state, channel, Q.handoff) < 0) {
        goto done;
    }
    if (known.room == NULL) {
        entered = Py_BuildValue("(OO)", Q.zero, Py_False);
    }
    else {
        PyObject *inside = FIELD(known.room, Q.inside);
        serial = PyObject_CallNoArgs(FIELD(known.room, Q.serials));
        if (serial == NULL || PyList_Append(inside, serial) < 0) {
            goto done;
        }
        set_field(known.room, Q.last, serial);
        int is_alone = PyList_GET_SIZE(inside) == 1;
        entered = Py_BuildValue("(OO)", serial, is_alone ? Py_True : Py_False);
    }
    answer = entered == NULL ? NULL : PyTuple_Pack(2, channel, entered);
done:
    Py_XDECREF(key);
    Py_XDECREF(channel);
    Py_XDECREF(put);
    Py_XDECREF(line);
    Py_XDECREF(serial);
    Py_XDECREF(entered);
    return answer;
}

/* Permits.acquired(); -1 on failure. */
static int
take_room(const Known *known, State *state, PyObject *serial, int is_alone)
{
    PyObject *count = PyObject_CallNoArgs(FIELD(known->room, Q.acquires));
    int lives_on_initial = count == NULL ? -1
        : PyObject_RichCompareBool(count, FIELD(known->room, Q.initial), Py_LT);
    Py_XDECREF(count);
    if (lives_on_initial) {
        return lives_on_initial < 0 ? -1 : 0;
    }
    PyObject *waiting = FIELD(known->room, Q.waiting), *channel = NULL;
    if (PyList_GET_SIZE(waiting) && (channel = take_first(waiting)) == NULL) {
        return -1;
    }
    int is_last = PyObject_RichCompareBool(FIELD(known->room, Q.last), serial, Py_EQ);
    if (channel == NULL || !is_alone || is_last != 1) {
        Py_INCREF(FIELD(known->room, Q.channel));
        Py_XSETREF(channel, FIELD(known->room, Q.channel));
    }
    int result = append_message(state, channel, Q.receive);
    Py_DECREF(channel);
    return result;
}

/* Items.has_put(), Permits.acquired() and Permits.leave(). */
static PyObject *
step_has_put(PyObject *const *args, State *state)
{
    Known known;
    PyObject *entered = NULL;
    if (!look_at(args[0], &known) || !PyTuple_CheckExact(args[2]) || PyTuple_GET_SIZE(args[2]) != 2
        || !PyTuple_CheckExact(entered = PyTuple_GET_ITEM(args[2], 1))
        || PyTuple_GET_SIZE(entered) != 2) {
        return NULL;
    }
    PyObject *key = PyLong_FromVoidPtr(args[1]);
    if (key == NULL) {
        return NULL;
    }
    int failed = PyDict_DelItem(known.inflight, key) < 0;
    Py_DECREF(key);
    if (failed && PyErr_ExceptionMatches(PyExc_KeyError)) {
        PyErr_Clear();
        failed = 0;
    }
    if (!failed && known.room != NULL) {
        int is_alone = PyTuple_GET_ITEM(entered, 1) == Py_True
            && PyList_GET_SIZE(known.getters) < 2;
        failed = take_room(&known, state, PyTuple_GET_ITEM(entered, 0), is_alone) < 0
            || drop_last(FIELD(known.room, Q.inside)) < 0;
    }
    return failed ? NULL : Py_NewRef(Py_None);
}

/* Items.compare() and Permits.released(): the channel of the room that is made, or 0. */
static PyObject *
step_getting(PyObject *const *args, State *state)
{
    Known known;
    if (!look_at(args[0], &known) || !is_as_put(&known, args[1])) {
        return NULL;
    }
    if (known.room == NULL) {
        return PyList_Append(known.getters, Py_None) < 0 ? NULL : Py_NewRef(Q.zero);
    }
    PyObject *channel = PyObject_CallNoArgs(Q.next_channel);
    if (channel != NULL
        && (PyList_Append(known.getters, Py_None) < 0
            || append_message(state, channel, Q.send) < 0
            || append_message(state, FIELD(known.room, Q.channel), Q.send) < 0
            || PyList_Append(FIELD(known.room, Q.waiting), channel) < 0)) {
        Py_CLEAR(channel);
    }
    return channel;
}

/* Items.got(), for an item of which it is known who has put it. */
static PyObject *
step_got(PyObject *const *args, State *state)
{
    Known known;
    if (!look_at(args[0], &known)) {
        return NULL;
    }
    PyObject *key = PyLong_FromVoidPtr(args[1]);
    PyObject *put = key == NULL ? NULL : PyDict_GetItemWithError(known.pending, key);
    PyObject *line = put == NULL ? NULL : PyDict_GetItemWithError(known.more, key);
    if (put == NULL || !PyList_CheckExact(put) || PyErr_Occurred()
        || (line != NULL && !PyList_CheckExact(line))) {
        Py_XDECREF(key);
        return NULL;
    }
    Py_INCREF(put);
    int failed = PyDict_DelItem(known.pending, key) < 0;
    if (!failed && line != NULL && PyList_GET_SIZE(line)) { /* it is last then, as in Python */
        PyObject *following = take_first(line);
        failed = following == NULL || PyDict_SetItem(known.pending, key, following) < 0;
        Py_XDECREF(following);
    }
    failed = failed || drop_last(known.puts) < 0;
    for (Py_ssize_t at = 0; !failed && at < PyList_GET_SIZE(put); at++) {
        failed = append_message(state, PyList_GET_ITEM(put, at), Q.receive) < 0;
    }
    failed = failed || drop_last(known.getters) < 0;
    Py_DECREF(key);
    Py_DECREF(put);
    return failed ? NULL : Py_NewRef(Py_None);
}

static PyObject *
queue_step_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)
{
    static const struct {
        Py_ssize_t count;
        PyObject *(*take)(PyObject *const *, State *);
    } steps[] = {{3, step_putting}, {3, step_has_put}, {2, step_getting}, {2, step_got}};
    QueueStep *step = (QueueStep *)self;
    State *state = known_state();
    PyObject *answer = NULL;
    if (state != NULL && names == NULL && PyVectorcall_NARGS(nargsf) == steps[step->step].count) {
        int collects = PyGC_Disable(); /* up to Python 3.11 it begins when something is made */
        answer = steps[step->step].take(args, state);
        if (collects) {
            PyGC_Enable();
        }
    }
    if (answer == NULL) {
        if (PyErr_Occurred()) { /* out of memory, in the middle of it */
            return forgiven("queue") ? Py_NewRef(Py_None) : NULL;
        }
        return PyObject_Vectorcall(step->function, args, nargsf, names);
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
    .tp_doc = "A step around put() and get() of a queue: its name (putting, has_put, getting, got),\n"
              "and the function in Python that it stands for.",
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
        {items, "common", &Q.common}, {items, "newest_first", &Q.newest_first},
        {items, "room", &Q.room}, {permits, "channel", &Q.channel},
        {permits, "initial", &Q.initial}, {permits, "acquires", &Q.acquires},
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
        Q.zero = PyLong_FromLong(0);
    }
    if (Q.str_queue == NULL || Q.zero == NULL) {
        return NULL;
    }
    Py_INCREF(permits);
    Py_XSETREF(Q.permits, (PyTypeObject *)permits);
    Py_INCREF(deque);
    Py_XSETREF(Q.deque, (PyTypeObject *)deque);
    Py_INCREF(next_channel);
    Py_XSETREF(Q.next_channel, next_channel);
    Py_INCREF(items);
    Py_XSETREF(Q.items, (PyTypeObject *)items);
    Py_RETURN_NONE;
}

#endif
