/* Ops as they lie in the buffer: 32 bytes each, and no object for a number.
 *
 * To Python the buffer is what it is without this: a flat list, four items for an op, which are made
 * when somebody asks.  A chunk that goes into the log is packed from here.
 *
 * Nothing in between an op's first byte and the last runs code of Python: what has to be allocated
 * is allocated before.
 */

#ifndef RACEWAY_OPS_H
#define RACEWAY_OPS_H

#define STRIDE 4
#define EPOCH_BITS 40
#define EPOCH_MASK (((uint64_t)1 << EPOCH_BITS) - 1)

/* What the last two items of an op are. */
enum {
    PLACE,   /* an object or None, and a number of 32 bits */
    NOTHING, /* an object or None, and None */
    SCALAR,  /* None, and an object */
    PAIR,    /* two objects, in a tuple */
    WHOLE,   /* all four items, in a tuple: they do not fit */
};
#define FORM_SHIFT 56

typedef struct {
    uint64_t epoch;  /* with the form of the op above it */
    uint32_t actor;
    int32_t number;
    int64_t subject; /* with the bits of the op */
    PyObject *thing; /* NULL is None */
} Op;

static inline int
form_of(const Op *op)
{
    return (int)(op->epoch >> FORM_SHIFT);
}

static inline uint64_t
epoch_of(const Op *op)
{
    return op->epoch & EPOCH_MASK;
}

/* ------------------------------------------------------------------ an actor's state */

/* recorder.State, whose documentation holds here, too. */
typedef struct {
    PyObject_HEAD
    PyObject *weakrefs;
    uint64_t epoch;
    uint32_t actor;
    int32_t offset, above_offset;
    PyObject *caller, *above; /* NULL is None */
    PyObject *actor_number, *group;
} State;

/* Return actor and epoch together, as one number. */
static PyObject *
make_token(uint32_t actor, uint64_t epoch)
{
    if (actor < (uint32_t)1 << (63 - EPOCH_BITS)) {
        return PyLong_FromLongLong((long long)((uint64_t)actor << EPOCH_BITS | epoch));
    }
    PyObject *upper = PyLong_FromUnsignedLong(actor), *lower = PyLong_FromUnsignedLongLong(epoch);
    PyObject *bits = PyLong_FromLong(EPOCH_BITS), *shifted = NULL, *token = NULL;
    if (upper != NULL && lower != NULL && bits != NULL) {
        shifted = PyNumber_Lshift(upper, bits);
        token = shifted == NULL ? NULL : PyNumber_Or(shifted, lower);
    }
    Py_XDECREF(upper);
    Py_XDECREF(lower);
    Py_XDECREF(bits);
    Py_XDECREF(shifted);
    return token;
}

/* Take a token apart: 1; 0 if it is none. */
static int
split_token(PyObject *token, uint32_t *actor, uint64_t *epoch)
{
    if (!PyLong_CheckExact(token)) {
        return 0;
    }
    int overflow;
    long long number = PyLong_AsLongLongAndOverflow(token, &overflow);
    if (!overflow && number >= 0) {
        *actor = (uint32_t)((uint64_t)number >> EPOCH_BITS);
        *epoch = (uint64_t)number & EPOCH_MASK;
        return 1;
    }
    int is_token = 0;
    if (overflow > 0) {
        PyObject *bits = PyLong_FromLong(EPOCH_BITS);
        PyObject *upper = bits == NULL ? NULL : PyNumber_Rshift(token, bits);
        unsigned long long found = upper == NULL ? 0 : PyLong_AsUnsignedLongLong(upper);
        if (!PyErr_Occurred() && found <= UINT32_MAX) {
            *actor = (uint32_t)found;
            *epoch = (uint64_t)PyLong_AsUnsignedLongLongMask(token) & EPOCH_MASK;
            is_token = 1;
        }
        Py_XDECREF(bits);
        Py_XDECREF(upper);
    }
    PyErr_Clear();
    return is_token;
}

static int
state_init(State *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"actor", "group", NULL};
    PyObject *actor, *group;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O!", names, &PyLong_Type, &actor,
                                     &PyLong_Type, &group)) {
        return -1;
    }
    unsigned long long number = PyLong_AsUnsignedLongLong(actor);
    if (PyErr_Occurred() || number > UINT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "too many actors");
        return -1;
    }
    Py_INCREF(actor);
    Py_XSETREF(self->actor_number, actor);
    Py_INCREF(group);
    Py_XSETREF(self->group, group);
    self->actor = (uint32_t)number;
    self->epoch = 0;
    self->offset = -2; /* no frame has this offset: the first op always notes its stack */
    self->above_offset = -1;
    Py_CLEAR(self->caller);
    Py_CLEAR(self->above);
    return 0;
}

static void
state_dealloc(State *self)
{
    if (self->weakrefs != NULL) {
        PyObject_ClearWeakRefs((PyObject *)self);
    }
    Py_XDECREF(self->caller);
    Py_XDECREF(self->above);
    Py_XDECREF(self->actor_number);
    Py_XDECREF(self->group);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *
state_token(State *self, void *closure)
{
    return make_token(self->actor, self->epoch);
}

static int
state_set_token(State *self, PyObject *value, void *closure)
{
    if (value == NULL || !split_token(value, &self->actor, &self->epoch)) {
        PyErr_SetString(PyExc_TypeError, "not a token");
        return -1;
    }
    return 0;
}

static PyGetSetDef state_properties[] = {
    {"tok", (getter)state_token, (setter)state_set_token, "Actor and epoch of the next op.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef state_members[] = {
    {"actor", T_OBJECT, offsetof(State, actor_number), 0, NULL},
    {"group", T_OBJECT, offsetof(State, group), 0, NULL},
    {"caller", T_OBJECT, offsetof(State, caller), 0, NULL},
    {"offset", T_INT, offsetof(State, offset), 0, NULL},
    {"above", T_OBJECT, offsetof(State, above), 0, NULL},
    {"above_offset", T_INT, offsetof(State, above_offset), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject StateType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "raceway.record.recorder.State",
    .tp_basicsize = sizeof(State),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "An actor as the recorder sees it: its next token, and the callers it was last seen\n"
              "under.",
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)state_init,
    .tp_dealloc = (destructor)state_dealloc,
    .tp_weaklistoffset = offsetof(State, weakrefs),
    .tp_getset = state_properties,
    .tp_members = state_members,
};

/* ------------------------------------------------------------------ one op */

static inline void
fill(Op *op, const State *state, int64_t subject, int form, PyObject *thing, int32_t number)
{
    Py_XINCREF(thing);
    op->epoch = state->epoch | (uint64_t)form << FORM_SHIFT;
    op->actor = state->actor;
    op->number = number;
    op->subject = subject;
    op->thing = thing;
}

/* Choose the form for what stands in an op behind its subject; -1 on failure. */
static int
fill_from(Op *op, PyObject *object, PyObject *argument)
{
    PyObject *thing = object == Py_None ? NULL : object;
    int form = PAIR;
    op->number = 0;
    if (argument == Py_None) {
        form = NOTHING;
    }
    else if (PyLong_CheckExact(argument)) {
        int overflow;
        long long number = PyLong_AsLongLongAndOverflow(argument, &overflow);
        if (!overflow && number >= INT32_MIN && number <= INT32_MAX) {
            form = PLACE;
            op->number = (int32_t)number;
        }
    }
    if (form == PAIR && thing == NULL) {
        form = SCALAR;
        thing = argument;
    }
    if (form == PAIR) {
        op->thing = PyTuple_Pack(2, object, argument);
        if (op->thing == NULL) {
            return -1;
        }
    }
    else {
        Py_XINCREF(thing);
        op->thing = thing;
    }
    op->epoch |= (uint64_t)form << FORM_SHIFT;
    return 0;
}

/* Make an op of its four items; -1 on failure. */
static int
op_of_items(Op *op, PyObject *const *items)
{
    int overflow = 1;
    op->subject = !PyLong_CheckExact(items[1]) ? 0
        : PyLong_AsLongLongAndOverflow(items[1], &overflow);
    if (!overflow && split_token(items[0], &op->actor, &op->epoch)) {
        return fill_from(op, items[2], items[3]);
    }
    op->actor = 0;
    op->number = 0;
    op->epoch = (uint64_t)WHOLE << FORM_SHIFT;
    op->thing = PyTuple_Pack(STRIDE, items[0], items[1], items[2], items[3]);
    return op->thing == NULL ? -1 : 0;
}

/* Make the four items of an op; -1 on failure. */
static int
items_of_op(const Op *op, PyObject **items)
{
    int form = form_of(op);
    if (form == WHOLE) {
        for (int at = 0; at < STRIDE; at++) {
            items[at] = PyTuple_GET_ITEM(op->thing, at);
            Py_INCREF(items[at]);
        }
        return 0;
    }
    PyObject *thing = op->thing == NULL ? Py_None : op->thing;
    items[0] = make_token(op->actor, epoch_of(op));
    items[1] = PyLong_FromLongLong(op->subject);
    items[2] = form == PAIR ? PyTuple_GET_ITEM(thing, 0) : form == SCALAR ? Py_None : thing;
    items[3] = form == PAIR ? PyTuple_GET_ITEM(thing, 1) : form == SCALAR ? thing
        : form == NOTHING ? Py_None : PyLong_FromLong(op->number);
    Py_INCREF(items[2]);
    if (form != PLACE) {
        Py_INCREF(items[3]);
    }
    if (items[0] != NULL && items[1] != NULL && items[3] != NULL) {
        return 0;
    }
    for (int at = 0; at < STRIDE; at++) {
        Py_XDECREF(items[at]);
    }
    return -1;
}

/* ------------------------------------------------------------------ the buffer */

typedef struct {
    PyObject_HEAD
    Op *ops;
    Py_ssize_t count, allocated;
} Buffer;

#define LEAST_ROOM 64

/* Memory of ops that has been given back, for the next ones: pages that the system has just handed out, chunk after
 * chunk, cost as much as what is written into them. */
#define SPARES 2
#define LARGEST_SPARE 16384 /* ops */
static struct {
    Op *ops;
    Py_ssize_t room;
} spares[SPARES];

/* Return memory for `*room` ops at least, and how many; or NULL with an exception. */
static Op *
take_memory(Py_ssize_t *room)
{
    for (int at = 0; at < SPARES; at++) {
        if (spares[at].room >= *room && *room > spares[at].room / 4) {
            Op *ops = spares[at].ops;
            *room = spares[at].room;
            spares[at].ops = NULL;
            spares[at].room = 0;
            return ops;
        }
    }
    Op *ops = PyMem_Malloc(*room * sizeof(Op));
    if (ops == NULL) {
        PyErr_NoMemory();
    }
    return ops;
}

static void
give_memory_back(Op *ops, Py_ssize_t room)
{
    for (int at = 0; ops != NULL && room <= LARGEST_SPARE && at < SPARES; at++) {
        if (spares[at].room < room) {
            Op *smaller = spares[at].ops;
            spares[at].ops = ops;
            spares[at].room = room;
            ops = smaller;
            break;
        }
    }
    PyMem_Free(ops);
}

/* See to it that `count` more ops fit. */
static int
grow(Buffer *self, Py_ssize_t count)
{
    Py_ssize_t room = self->allocated + self->allocated / 2;
    if (room < self->count + count + LEAST_ROOM) {
        room = self->count + count + LEAST_ROOM;
    }
    Op *ops = PyMem_Realloc(self->ops, room * sizeof(Op));
    if (ops == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    self->ops = ops;
    self->allocated = room;
    return 0;
}

/* Return where the next ops go, `count` of them, or NULL.  They are there as soon as the caller adds
 * to `self->count`. */
static inline Op *
room_for(Buffer *self, Py_ssize_t count)
{
    if (self->count + count > self->allocated && grow(self, count) < 0) {
        return NULL;
    }
    return self->ops + self->count;
}

static void
forget_ops(Op *ops, Py_ssize_t count)
{
    for (Py_ssize_t at = 0; at < count; at++) {
        Py_XDECREF(ops[at].thing);
    }
}

/* Take the first ops out.  What dies with them may run code of the program, which records: so they
 * are no longer in the buffer then. */
static int
cut_off(Buffer *self, Py_ssize_t count)
{
    if (count > self->count) {
        count = self->count;
    }
    if (count <= 0) {
        return 0;
    }
    Py_ssize_t left = self->count - count, room = left + LEAST_ROOM;
    if (room < self->allocated && self->allocated <= 3 * count) {
        room = self->allocated; /* it will be needed again */
    }
    Op *rest = take_memory(&room), *gone = self->ops;
    Py_ssize_t gone_room = self->allocated;
    if (rest == NULL) {
        return -1;
    }
    memcpy(rest, gone + count, left * sizeof(Op));
    self->ops = rest;
    self->count = left;
    self->allocated = room;
    forget_ops(gone, count);
    give_memory_back(gone, gone_room);
    return 0;
}

static void
buffer_dealloc(Buffer *self)
{
    forget_ops(self->ops, self->count);
    give_memory_back(self->ops, self->allocated);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static Py_ssize_t
buffer_length(Buffer *self)
{
    return self->count * STRIDE;
}

#define AT_ONCE 16

static PyObject *
buffer_extend(Buffer *self, PyObject *items)
{
    if (!PyTuple_CheckExact(items) && !PyList_CheckExact(items)) {
        PyErr_SetString(PyExc_TypeError, "takes a tuple or a list");
        return NULL;
    }
    Py_ssize_t size = PySequence_Fast_GET_SIZE(items), count = size / STRIDE, made = 0;
    if (size % STRIDE != 0) {
        PyErr_SetString(PyExc_ValueError, "an op has four items");
        return NULL;
    }
    Op few[AT_ONCE], *ops = few;
    if (count > AT_ONCE && (ops = PyMem_Malloc(count * sizeof(Op))) == NULL) {
        return PyErr_NoMemory();
    }
    PyObject *result = NULL;
    while (made < count
           && op_of_items(&ops[made], PySequence_Fast_ITEMS(items) + made * STRIDE) == 0) {
        made++;
    }
    Op *room = made < count ? NULL : room_for(self, count);
    if (room != NULL) {
        memcpy(room, ops, count * sizeof(Op));
        self->count += count;
        result = Py_None;
        Py_INCREF(result);
    }
    else {
        forget_ops(ops, made);
    }
    if (ops != few) {
        PyMem_Free(ops);
    }
    return result;
}

static PyObject *
buffer_iadd(Buffer *self, PyObject *items)
{
    PyObject *result = buffer_extend(self, items);
    if (result == NULL) {
        return NULL;
    }
    Py_DECREF(result);
    Py_INCREF(self);
    return (PyObject *)self;
}

static PyObject *
buffer_list(Buffer *self, Py_ssize_t start, Py_ssize_t stop)
{
    PyObject *list = PyList_New((stop - start) * STRIDE);
    if (list != NULL && stop > self->count) { /* a finaliser that ran just now has cut them off */
        Py_DECREF(list);
        return PyList_New(0);
    }
    for (Py_ssize_t at = start; list != NULL && at < stop; at++) {
        PyObject *items[STRIDE];
        if (items_of_op(&self->ops[at], items) < 0) {
            Py_CLEAR(list);
            break;
        }
        for (int item = 0; item < STRIDE; item++) {
            PyList_SET_ITEM(list, (at - start) * STRIDE + item, items[item]);
        }
    }
    return list;
}

static PyObject *
buffer_subscript(Buffer *self, PyObject *key)
{
    Py_ssize_t first = 0, last = self->count;
    if (PySlice_Check(key)) {
        Py_ssize_t start, stop, step;
        if (PySlice_Unpack(key, &start, &stop, &step) < 0) {
            return NULL;
        }
        Py_ssize_t length = PySlice_AdjustIndices(self->count * STRIDE, &start, &stop, step);
        if (step == 1 && length > 0) { /* only those that it is about */
            first = start / STRIDE;
            last = (start + length - 1) / STRIDE + 1;
            PyObject *list = buffer_list(self, first, last);
            PyObject *part = list == NULL ? NULL
                : PyList_GetSlice(list, start - first * STRIDE, start - first * STRIDE + length);
            Py_XDECREF(list);
            return part;
        }
    }
    PyObject *list = buffer_list(self, first, last);
    PyObject *found = list == NULL ? NULL : PyObject_GetItem(list, key);
    Py_XDECREF(list);
    return found;
}

static int
buffer_delete(Buffer *self, PyObject *key, PyObject *value)
{
    Py_ssize_t start, stop, step;
    if (value != NULL || !PySlice_Check(key)) {
        PyErr_SetString(PyExc_TypeError, "ops can only be taken out at the beginning");
        return -1;
    }
    if (PySlice_Unpack(key, &start, &stop, &step) < 0) {
        return -1;
    }
    Py_ssize_t length = PySlice_AdjustIndices(self->count * STRIDE, &start, &stop, step);
    if (start != 0 || step != 1 || length % STRIDE != 0) {
        PyErr_SetString(PyExc_ValueError, "ops can only be taken out at the beginning");
        return -1;
    }
    return cut_off(self, length / STRIDE);
}

static PyObject *
buffer_clear(Buffer *self, PyObject *ignored)
{
    if (cut_off(self, self->count) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyTypeObject BufferType;

static Buffer *
new_buffer(Py_ssize_t room)
{
    Buffer *self = PyObject_New(Buffer, &BufferType);
    if (self != NULL) {
        self->count = 0;
        self->allocated = room + LEAST_ROOM;
        self->ops = take_memory(&self->allocated);
        if (self->ops == NULL) {
            self->allocated = 0;
            Py_CLEAR(self);
        }
    }
    return self;
}

PyDoc_STRVAR(buffer_first_doc,
"first(length)\n--\n\n"
"Return the ops of the first items as a buffer of their own; a slice is a list.");

static PyObject *
buffer_first(Buffer *self, PyObject *length)
{
    Py_ssize_t count = PyLong_AsSsize_t(length) / STRIDE;
    if (PyErr_Occurred()) {
        return NULL;
    }
    count = count > self->count ? self->count : count < 0 ? 0 : count;
    Buffer *first = new_buffer(count);
    if (first != NULL) {
        first->count = count;
        memcpy(first->ops, self->ops, first->count * sizeof(Op));
        for (Py_ssize_t at = 0; at < first->count; at++) {
            Py_XINCREF(first->ops[at].thing);
        }
    }
    return (PyObject *)first;
}

static PyMethodDef buffer_methods[] = {
    {"extend", (PyCFunction)buffer_extend, METH_O, "Append ops, in one step."},
    {"clear", (PyCFunction)buffer_clear, METH_NOARGS, "Forget all."},
    {"first", (PyCFunction)buffer_first, METH_O, buffer_first_doc},
    {NULL, NULL, 0, NULL},
};

static PySequenceMethods buffer_sequence = {
    .sq_length = (lenfunc)buffer_length,
    .sq_inplace_concat = (binaryfunc)buffer_iadd,
};

static PyMappingMethods buffer_mapping = {
    .mp_length = (lenfunc)buffer_length,
    .mp_subscript = (binaryfunc)buffer_subscript,
    .mp_ass_subscript = (objobjargproc)buffer_delete,
};

static PyTypeObject BufferType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "raceway.record._accelerator.Buffer",
    .tp_basicsize = sizeof(Buffer),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Ops, four items for each, as a flat list has them.",
    .tp_dealloc = (destructor)buffer_dealloc,
    .tp_methods = buffer_methods,
    .tp_as_sequence = &buffer_sequence,
    .tp_as_mapping = &buffer_mapping,
};

#endif
