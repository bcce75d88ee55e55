/* Vector clocks that share what they have in common: what a history of thousands of actors needs.
 *
 * raceway.model.clocks is the reference, where a clock is a dict.  Here it is a big-endian Patricia
 * tree from actor numbers to epochs (C. Okasaki and A. Gill, "Fast Mergeable Integer Maps", 1998)
 * whose leaves hold the epochs of WIDTH neighbouring actors.  Nodes never change, and whatever two
 * clocks have in common is one node in both, so that a join looks only at what differs, and costs
 * time and memory for that alone.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>

#ifdef Py_GIL_DISABLED
#error "raceway.model._clocks has not been tried without a GIL"
#endif

#define WIDTH_BITS 4
#define WIDTH (1 << WIDTH_BITS)
#define LEAF (-1)
#define UNKNOWN (-1)

/* A node, and the clock that it is the root of.  A leaf has WIDTH epochs, a branch two nodes, the
 * empty clock nothing. */
typedef struct Clock {
    PyObject_VAR_HEAD
    Py_ssize_t count;  /* actors that it knows */
    uint64_t prefix;   /* of their numbers, without WIDTH_BITS: what all have in common */
    int bit;           /* by which a branch divides them, or LEAF */
    union {
        int64_t epoch;
        struct Clock *node;
    } items[1];
} Clock;

static PyTypeObject ClockType;
static Clock *empty;

static Clock *
retained(Clock *clock)
{
    Py_INCREF(clock);
    return clock;
}

static Clock *
allocated(Py_ssize_t size, uint64_t prefix, int bit)
{
    Clock *clock = PyObject_NewVar(Clock, &ClockType, size);
    if (clock != NULL) {
        clock->count = 0;
        clock->prefix = prefix;
        clock->bit = bit;
    }
    return clock;
}

static void
clock_dealloc(Clock *self)
{
    if (self->bit != LEAF && Py_SIZE(self) == 2) {
        Py_DECREF(self->items[0].node);
        Py_DECREF(self->items[1].node);
    }
    PyObject_Free(self);
}

/* ------------------------------------------------------------------ trees */

static inline int
is_empty(const Clock *clock)
{
    return Py_SIZE(clock) == 0;
}

/* What is above the bit by which a node divides. */
static inline int
covers(const Clock *clock, uint64_t prefix)
{
    return clock->prefix >> (clock->bit + 1) == prefix >> (clock->bit + 1);
}

/* Return a branch, and take over the references to its nodes; NULL if one of them is. */
static Clock *
branch(uint64_t prefix, int bit, Clock *low, Clock *high)
{
    Clock *made = low == NULL || high == NULL ? NULL : allocated(2, prefix, bit);
    if (made == NULL) {
        Py_XDECREF(low);
        Py_XDECREF(high);
        return NULL;
    }
    made->count = low->count + high->count;
    made->items[0].node = low;
    made->items[1].node = high;
    return made;
}

/* Return the branch over two nodes of which neither covers the other. */
static Clock *
above(Clock *one, Clock *two)
{
    int bit = 63 - __builtin_clzll(one->prefix ^ two->prefix);
    int one_is_high = one->prefix >> bit & 1;
    return branch(one->prefix >> bit >> 1 << 1 << bit, bit,
                  retained(one_is_high ? two : one), retained(one_is_high ? one : two));
}

static Clock *
leaf_of(uint64_t number, int64_t epoch)
{
    Clock *made = allocated(WIDTH, number >> WIDTH_BITS, LEAF);
    if (made != NULL) {
        for (int at = 0; at < WIDTH; at++) {
            made->items[at].epoch = UNKNOWN;
        }
        made->items[number & (WIDTH - 1)].epoch = epoch;
        made->count = 1;
    }
    return made;
}

static Clock *
joined_leaves(Clock *one, Clock *two)
{
    int more = 0, less = 0;
    for (int at = 0; at < WIDTH; at++) {
        more |= one->items[at].epoch > two->items[at].epoch;
        less |= one->items[at].epoch < two->items[at].epoch;
    }
    if (!less) {
        return retained(one);
    }
    if (!more) {
        return retained(two);
    }
    Clock *made = allocated(WIDTH, one->prefix, LEAF);
    if (made != NULL) {
        for (int at = 0; at < WIDTH; at++) {
            int64_t left = one->items[at].epoch, right = two->items[at].epoch;
            int64_t epoch = left > right ? left : right;
            made->items[at].epoch = epoch;
            made->count += epoch != UNKNOWN;
        }
    }
    return made;
}

/* Return the least clock that knows what two clocks know; one of them if that is it. */
static Clock *
joined(Clock *one, Clock *two)
{
    if (one == two || is_empty(two)) {
        return retained(one);
    }
    if (is_empty(one)) {
        return retained(two);
    }
    if (one->bit == two->bit && one->prefix == two->prefix) {
        if (one->bit == LEAF) {
            return joined_leaves(one, two);
        }
        Clock *low = joined(one->items[0].node, two->items[0].node);
        Clock *high = joined(one->items[1].node, two->items[1].node);
        for (int at = 0; at < 2 && low != NULL && high != NULL; at++) {
            Clock *same = at ? two : one;
            if (low == same->items[0].node && high == same->items[1].node) {
                Py_DECREF(low);
                Py_DECREF(high);
                return retained(same);
            }
        }
        return branch(one->prefix, one->bit, low, high);
    }
    Clock *wide = one->bit > two->bit ? one : two;
    Clock *narrow = wide == one ? two : one;
    if (one->bit == two->bit || !covers(wide, narrow->prefix)) {
        return above(one, two);
    }
    int side = narrow->prefix >> wide->bit & 1;
    Clock *before = wide->items[side].node;
    Clock *after = joined(before, narrow);
    if (after == before) {
        Py_DECREF(after);
        return retained(wide);
    }
    Clock *other = retained(wide->items[!side].node);
    return branch(wide->prefix, wide->bit, side ? other : after, side ? after : other);
}

static int64_t
epoch_of(const Clock *clock, uint64_t number)
{
    uint64_t prefix = number >> WIDTH_BITS;
    if (is_empty(clock)) {
        return UNKNOWN;
    }
    while (clock->bit != LEAF) {
        clock = clock->items[prefix >> clock->bit & 1].node;
    }
    return clock->prefix == prefix ? clock->items[number & (WIDTH - 1)].epoch : UNKNOWN;
}

/* Return `clock`, which knows also `epoch` of an actor. */
static Clock *
informed(Clock *clock, uint64_t number, int64_t epoch)
{
    if (epoch_of(clock, number) >= epoch) {
        return retained(clock);
    }
    Clock *leaf = leaf_of(number, epoch);
    Clock *result = leaf == NULL ? NULL : joined(clock, leaf);
    Py_XDECREF(leaf);
    return result;
}

/* ------------------------------------------------------------------ retirement */

/* What has become of a node.  Both are held: else another node might get the place of one. */
typedef struct {
    Clock *node, *left;
} Fate;

typedef struct {
    PyObject_HEAD
    Clock *needed;
    Fate *fates;
    Py_ssize_t used, size;  /* the size is a power of two */
} Only;

static Fate *
fate_of(Only *self, const Clock *node)
{
    size_t at = ((uintptr_t)node >> 4) * (size_t)0x9E3779B97F4A7C15;
    for (at >>= 20;; at++) {
        Fate *fate = &self->fates[at & (self->size - 1)];
        if (fate->node == NULL || fate->node == node) {
            return fate;
        }
    }
}

static int
remember(Only *self, Clock *node, Clock *left)
{
    if (2 * self->used >= self->size) {
        Fate *old = self->fates;
        Py_ssize_t size = self->size;
        Fate *fates = PyMem_Calloc(2 * size, sizeof(Fate));
        if (fates == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        self->fates = fates;
        self->size = 2 * size;
        for (Py_ssize_t at = 0; at < size; at++) {
            if (old[at].node != NULL) {
                *fate_of(self, old[at].node) = old[at];
            }
        }
        PyMem_Free(old);
    }
    Fate *fate = fate_of(self, node);
    fate->node = retained(node);
    fate->left = retained(left);
    self->used++;
    return 0;
}

static Clock *
left_of_leaf(Clock *leaf, Clock *needed)
{
    Clock *made = allocated(WIDTH, leaf->prefix, LEAF);
    if (made == NULL) {
        return NULL;
    }
    uint64_t first = leaf->prefix << WIDTH_BITS;
    for (int at = 0; at < WIDTH; at++) {
        int64_t epoch = leaf->items[at].epoch;
        if (epoch != UNKNOWN && epoch_of(needed, first + at) == UNKNOWN) {
            epoch = UNKNOWN;
        }
        made->items[at].epoch = epoch;
        made->count += epoch != UNKNOWN;
    }
    if (made->count == leaf->count || made->count == 0) {
        Clock *instead = retained(made->count ? leaf : empty);
        Py_DECREF(made);
        return instead;
    }
    return made;
}

/* Return what is left of a node without the components that nobody needs. */
static Clock *
left_of(Only *self, Clock *node)
{
    Clock *known = fate_of(self, node)->left, *left;
    if (known != NULL) {
        return retained(known);
    }
    if (is_empty(node)) {
        return retained(node);
    }
    if (node->bit == LEAF) {
        left = left_of_leaf(node, self->needed);
    }
    else {
        Clock *low = left_of(self, node->items[0].node);
        Clock *high = low == NULL ? NULL : left_of(self, node->items[1].node);
        if (high == NULL) {
            Py_XDECREF(low);
            return NULL;
        }
        if (is_empty(low) || is_empty(high)) {
            left = is_empty(low) ? high : low;
            Py_DECREF(left == low ? high : low);
        }
        else if (low == node->items[0].node && high == node->items[1].node) {
            Py_DECREF(low);
            Py_DECREF(high);
            left = retained(node);
        }
        else {
            left = branch(node->prefix, node->bit, low, high);
        }
    }
    if (left != NULL && remember(self, node, left) < 0) {
        Py_CLEAR(left);
    }
    return left;
}

/* ------------------------------------------------------------------ arguments */

static int
is_clock(PyObject *object)
{
    if (Py_IS_TYPE(object, &ClockType)) {
        return 1;
    }
    PyErr_Format(PyExc_TypeError, "not a clock: %R", object);
    return 0;
}

/* Set the number of an actor; 0 on failure. */
static int
is_number(PyObject *object, uint64_t *number)
{
    long long value = PyLong_AsLongLong(object);
    if (value < 0) {
        if (!PyErr_Occurred()) {
            PyErr_Format(PyExc_ValueError, "not the number of an actor: %R", object);
        }
        return 0;
    }
    *number = (uint64_t)value;
    return 1;
}

static int
is_epoch(PyObject *object, int64_t *epoch)
{
    *epoch = PyLong_AsLongLong(object);
    return *epoch >= 0 || !PyErr_Occurred();  /* before the first one there is nothing to know */
}

/* ------------------------------------------------------------------ the classes */

/* Call `visit` with each component, in the order of the numbers; -1 as soon as it returns that. */
static int
each(Clock *clock, int (*visit)(uint64_t, int64_t, PyObject *), PyObject *thing)
{
    if (is_empty(clock)) {
        return 0;
    }
    if (clock->bit != LEAF) {
        return each(clock->items[0].node, visit, thing) < 0
            || each(clock->items[1].node, visit, thing) < 0 ? -1 : 0;
    }
    for (int at = 0; at < WIDTH; at++) {
        int64_t epoch = clock->items[at].epoch;
        if (epoch != UNKNOWN && visit((clock->prefix << WIDTH_BITS) + at, epoch, thing) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
append_item(uint64_t number, int64_t epoch, PyObject *list)
{
    PyObject *item = Py_BuildValue("(KL)", (unsigned long long)number, (long long)epoch);
    int result = item == NULL ? -1 : PyList_Append(list, item);
    Py_XDECREF(item);
    return result;
}

static int
append_key(uint64_t number, int64_t epoch, PyObject *list)
{
    PyObject *key = PyLong_FromUnsignedLongLong(number);
    int result = key == NULL ? -1 : PyList_Append(list, key);
    Py_XDECREF(key);
    return result;
}

static PyObject *
listed(Clock *clock, int (*visit)(uint64_t, int64_t, PyObject *))
{
    PyObject *list = PyList_New(0);
    if (list != NULL && each(clock, visit, list) < 0) {
        Py_CLEAR(list);
    }
    return list;
}

static PyObject *
clock_items(Clock *self, PyObject *unused)
{
    return listed(self, append_item);
}

static PyObject *
clock_keys(Clock *self, PyObject *unused)
{
    return listed(self, append_key);
}

static PyObject *
clock_iter(Clock *self)
{
    PyObject *keys = listed(self, append_key);
    PyObject *iterator = keys == NULL ? NULL : PyObject_GetIter(keys);
    Py_XDECREF(keys);
    return iterator;
}

static PyObject *
clock_get(Clock *self, PyObject *const *args, Py_ssize_t count)
{
    if (count < 1 || count > 2) {
        PyErr_SetString(PyExc_TypeError, "get() takes the number of an actor and a default");
        return NULL;
    }
    int64_t epoch = UNKNOWN;
    uint64_t number;
    if (args[0] != Py_None) {  /* whom no clock knows */
        if (!is_number(args[0], &number)) {
            return NULL;
        }
        epoch = epoch_of(self, number);
    }
    if (epoch == UNKNOWN) {
        PyObject *answer = count == 2 ? args[1] : Py_None;
        Py_INCREF(answer);
        return answer;
    }
    return PyLong_FromLongLong(epoch);
}

static PyObject *
clock_subscript(Clock *self, PyObject *key)
{
    uint64_t number;
    if (!is_number(key, &number)) {
        return NULL;
    }
    int64_t epoch = epoch_of(self, number);
    if (epoch == UNKNOWN) {
        PyErr_SetObject(PyExc_KeyError, key);
        return NULL;
    }
    return PyLong_FromLongLong(epoch);
}

static int
clock_contains(Clock *self, PyObject *key)
{
    uint64_t number;
    return is_number(key, &number) ? epoch_of(self, number) != UNKNOWN : -1;
}

static Py_ssize_t
clock_length(Clock *self)
{
    return self->count;
}

static PyObject *
as_dict(Clock *clock)
{
    PyObject *items = listed(clock, append_item);
    PyObject *dict = items == NULL ? NULL : PyDict_New();
    if (dict != NULL && PyDict_MergeFromSeq2(dict, items, 1) < 0) {
        Py_CLEAR(dict);
    }
    Py_XDECREF(items);
    return dict;
}

static PyObject *
clock_repr(Clock *self)
{
    PyObject *dict = as_dict(self);
    PyObject *text = dict == NULL ? NULL : PyUnicode_FromFormat("Clock(%R)", dict);
    Py_XDECREF(dict);
    return text;
}

static PyObject *
clock_richcompare(PyObject *one, PyObject *two, int op)
{
    if ((op != Py_EQ && op != Py_NE) || !Py_IS_TYPE(one, &ClockType)
        || !(Py_IS_TYPE(two, &ClockType) || PyDict_Check(two))) {
        Py_RETURN_NOTIMPLEMENTED;
    }
    PyObject *mine = as_dict((Clock *)one);
    PyObject *other = PyDict_Check(two) ? two : as_dict((Clock *)two);
    PyObject *answer = mine == NULL || other == NULL ? NULL : PyObject_RichCompare(mine, other, op);
    Py_XDECREF(mine);
    if (other != two) {
        Py_XDECREF(other);
    }
    return answer;
}

static PyObject *
clock_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *components = NULL;
    if ((kwargs != NULL && PyDict_GET_SIZE(kwargs))
        || !PyArg_ParseTuple(args, "|O!:Clock", &PyDict_Type, &components)) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "Clock() takes no keyword arguments");
        }
        return NULL;
    }
    Clock *clock = retained(empty);
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (components != NULL && PyDict_Next(components, &at, &key, &value)) {
        uint64_t number;
        int64_t epoch;
        Clock *before = clock;
        clock = is_number(key, &number) && is_epoch(value, &epoch)
            ? informed(before, number, epoch) : NULL;
        Py_DECREF(before);
        if (clock == NULL) {
            return NULL;
        }
    }
    return (PyObject *)clock;
}

static PyMethodDef clock_methods[] = {
    {"get", (PyCFunction)(void (*)(void))clock_get, METH_FASTCALL,
     "get(actor, default=None)\n--\n\nReturn the epoch of an actor."},
    {"items", (PyCFunction)clock_items, METH_NOARGS,
     "items()\n--\n\nReturn actors and their epochs."},
    {"keys", (PyCFunction)clock_keys, METH_NOARGS, "keys()\n--\n\nReturn the actors."},
    {NULL, NULL, 0, NULL},
};

static PySequenceMethods clock_as_sequence = {.sq_contains = (objobjproc)clock_contains};

static PyMappingMethods clock_as_mapping = {
    .mp_length = (lenfunc)clock_length,
    .mp_subscript = (binaryfunc)clock_subscript,
};

static PyTypeObject ClockType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "raceway.model._clocks.Clock",
    .tp_basicsize = offsetof(Clock, items),
    .tp_itemsize = sizeof(int64_t),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Clock(components={}, /)\n--\n\nAn immutable mapping from actor to epoch.",
    .tp_new = clock_new,
    .tp_dealloc = (destructor)clock_dealloc,
    .tp_repr = (reprfunc)clock_repr,
    .tp_hash = PyObject_HashNotImplemented,
    .tp_richcompare = clock_richcompare,
    .tp_iter = (getiterfunc)clock_iter,
    .tp_methods = clock_methods,
    .tp_as_sequence = &clock_as_sequence,
    .tp_as_mapping = &clock_as_mapping,
};

static PyObject *
only_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *needed;
    if (!PyArg_ParseTuple(args, "O!:Only", &ClockType, &needed)) {
        return NULL;
    }
    Only *self = (Only *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->needed = retained((Clock *)needed);
    self->size = 1024;
    self->fates = PyMem_Calloc(self->size, sizeof(Fate));
    if (self->fates == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static PyObject *
only_call(Only *self, PyObject *args, PyObject *kwargs)
{
    PyObject *clock;
    if (!PyArg_ParseTuple(args, "O!", &ClockType, &clock)) {
        return NULL;
    }
    return (PyObject *)left_of(self, (Clock *)clock);
}

static void
only_dealloc(Only *self)
{
    for (Py_ssize_t at = 0; self->fates != NULL && at < self->size; at++) {
        Py_XDECREF(self->fates[at].node);
        Py_XDECREF(self->fates[at].left);
    }
    PyMem_Free(self->fates);
    Py_XDECREF(self->needed);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyTypeObject OnlyType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "raceway.model._clocks.Only",
    .tp_basicsize = sizeof(Only),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Only(needed, /)\n--\n\nReturns clocks without the actors that `needed` does not know.",
    .tp_new = only_new,
    .tp_call = (ternaryfunc)only_call,
    .tp_dealloc = (destructor)only_dealloc,
};

/* ------------------------------------------------------------------ the module */

PyDoc_STRVAR(known_by_either_doc,
"known_by_either(one, two)\n--\n\n"
"Return the least clock that knows what two clocks know.");

static PyObject *
known_by_either(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "known_by_either() takes two clocks");
        return NULL;
    }
    if (!is_clock(args[0]) || !is_clock(args[1])) {
        return NULL;
    }
    return (PyObject *)joined((Clock *)args[0], (Clock *)args[1]);
}

PyDoc_STRVAR(join_doc,
"join(clock, other, actor, epoch)\n--\n\n"
"Return the least clock that knows ``clock``, ``other`` and ``epoch`` of ``actor``.");

static PyObject *
join(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    uint64_t number;
    int64_t epoch;
    if (count != 4) {
        PyErr_SetString(PyExc_TypeError, "join() takes clock, other, actor and epoch");
        return NULL;
    }
    if (args[2] == Py_None) {
        return known_by_either(module, args, 2);
    }
    if (!is_clock(args[0]) || !is_clock(args[1]) || !is_number(args[2], &number)
        || !is_epoch(args[3], &epoch)) {
        return NULL;
    }
    Clock *clock = (Clock *)args[0];
    if (epoch_of(clock, number) >= epoch) {
        return (PyObject *)retained(clock);
    }
    Clock *whole = joined(clock, (Clock *)args[1]);
    Clock *result = whole == NULL ? NULL : informed(whole, number, epoch);
    Py_XDECREF(whole);
    return (PyObject *)result;
}

PyDoc_STRVAR(informed_doc,
"informed(clock, actor, epoch)\n--\n\n"
"Return ``clock`` with what ``actor`` did until ``epoch``, and nothing that it knew.");

static PyObject *
informed_of(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    uint64_t number;
    int64_t epoch;
    if (count != 3) {
        PyErr_SetString(PyExc_TypeError, "informed() takes clock, actor and epoch");
        return NULL;
    }
    if (!is_clock(args[0]) || !is_number(args[1], &number) || !is_epoch(args[2], &epoch)) {
        return NULL;
    }
    return (PyObject *)informed((Clock *)args[0], number, epoch);
}

static PyMethodDef methods[] = {
    {"join", (PyCFunction)(void (*)(void))join, METH_FASTCALL, join_doc},
    {"known_by_either", (PyCFunction)(void (*)(void))known_by_either, METH_FASTCALL,
     known_by_either_doc},
    {"informed", (PyCFunction)(void (*)(void))informed_of, METH_FASTCALL, informed_doc},
    {NULL, NULL, 0, NULL},
};

static int
module_exec(PyObject *module)
{
    if (PyType_Ready(&ClockType) < 0 || PyType_Ready(&OnlyType) < 0) {
        return -1;
    }
    if (empty == NULL && (empty = allocated(0, 0, 0)) == NULL) {
        return -1;
    }
    /* For raceway.pipeline._replay: a call of "get" takes ten times as long. */
    PyObject *capsule = PyCapsule_New((void *)epoch_of, "raceway.model._clocks._epoch_of", NULL);
    if (capsule == NULL || PyModule_AddObjectRef(module, "_epoch_of", capsule) < 0) {
        Py_XDECREF(capsule);
        return -1;
    }
    Py_DECREF(capsule);
    return PyModule_AddObjectRef(module, "Clock", (PyObject *)&ClockType) < 0
        || PyModule_AddObjectRef(module, "Only", (PyObject *)&OnlyType) < 0 ? -1 : 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, module_exec},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "raceway.model._clocks",
    .m_doc = "Vector clocks that share what they have in common.",
    .m_size = 0,
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__clocks(void)
{
    return PyModuleDef_Init(&definition);
}
