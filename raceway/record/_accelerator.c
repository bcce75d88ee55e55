/* The hot path in C: who runs here, attributes of watched objects, `with lock`.
 *
 * The Python modules are the reference: recorder.py, watch/attributes.py and lock_ops.py say what
 * is recorded and why, this says the same to the machine.  Everything unusual goes back to them: a
 * thread that was never seen, a full buffer, a value that has to be replaced, a missing attribute.
 *
 * Order: between an access and its record no other thread can run, since nothing here gives up the
 * GIL between the two.  Builds without a GIL, and versions whose frames are not known, do not get
 * this module: the Python one works there.
 *
 * Frames are read without making frame objects (the internal headers say how they lie in memory).
 */

#define PY_SSIZE_T_CLEAN
#define Py_BUILD_CORE_MODULE 1
#include <Python.h>
#include <structmember.h>
#include <stdint.h>
#include <string.h>

#if defined(Py_GIL_DISABLED)
#error "the order of the records relies on the GIL"
#elif PY_VERSION_HEX < 0x030A0000 || PY_VERSION_HEX >= 0x030E0000
#error "the layout of frames in this version is not known"
#endif

#include "_frames.h"
#include "_ops.h"
#include "_packing.h"
#include "_raw_locks.h"

#if defined(_MSC_VER)
#define THREAD_LOCAL __declspec(thread)
#else
#define THREAD_LOCAL __thread
#endif

#if PY_VERSION_HEX >= 0x030D0000
#define IS_FINALIZING() Py_IsFinalizing()
#else
#define IS_FINALIZING() _Py_IsFinalizing()
#endif

/* Kept in step with raceway.model.ops and raceway.record.recorder by configure(). */
#define MAX_DEPTH 32

static struct {
    int ready;
    Buffer *buffer;
    Py_ssize_t chunk_ops;
    int depth, op_bits;
    Py_ssize_t text_limit;
    int64_t no_caller, frame_ops[MAX_DEPTH]; /* by depth, from the innermost on */
    PyObject *recorder; /* the names of its module: what is called rarely is looked up there */
    PyObject *absent, *tracked; /* of raceway.watch */
    long write, value, grow, update; /* bits of ops */
    PyObject *condition_enter, *condition_exit;
    PyObject *clock; /* tells the time in nanoseconds */
    long waited;     /* what stands in the place of a subject and op: a lock was waited for */
    PyObject *str_s, *str_dict, *str_acquire, *str_release, *str_name, *str_lock, *key;
} G;

#define FIELD(object, at) (*(PyObject **)((char *)(object) + (at)))

static inline void
set_field(PyObject *object, Py_ssize_t at, PyObject *value)
{
    PyObject *before = FIELD(object, at);
    Py_INCREF(value);
    FIELD(object, at) = value;
    Py_XDECREF(before);
}

/* ------------------------------------------------------------------ the recorder */

static PyObject *
call_recorder(const char *name, PyObject *first, PyObject *second)
{
    PyObject *function = PyDict_GetItemString(G.recorder, name); /* borrowed */
    if (function == NULL || function == Py_None) {
        PyErr_Format(PyExc_RuntimeError, "the recorder has no %s any more", name);
        return NULL;
    }
    return PyObject_CallFunctionObjArgs(function, first, second, NULL);
}

/* ------------------------------------------------------------------ who runs on this thread */

/* What belongs to one thread; its thread state holds it.  All attributes live in the dict; "s", the
 * actor that runs here, is what everything asks for, and known without a look-up until somebody is
 * given the dict. */
typedef struct {
    PyObject_HEAD
    State *state;
    PyObject *dict;
} Slot;

static THREAD_LOCAL Slot *this_slot;

static int
slot_traverse(Slot *self, visitproc visit, void *arg)
{
    Py_VISIT(self->state);
    Py_VISIT(self->dict);
    return 0;
}

static int
slot_clear(Slot *self)
{
    Py_CLEAR(self->state);
    Py_CLEAR(self->dict);
    return 0;
}

static void
slot_dealloc(Slot *self)
{
    PyObject_GC_UnTrack(self);
    if (this_slot == self) {
        this_slot = NULL;
    }
    slot_clear(self);
    PyObject_GC_Del(self);
}

static PyTypeObject SlotType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "raceway.record._accelerator.Slot",
    .tp_basicsize = sizeof(Slot),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "What belongs to one thread.",
    .tp_traverse = (traverseproc)slot_traverse,
    .tp_clear = (inquiry)slot_clear,
    .tp_dealloc = (destructor)slot_dealloc,
};

static Slot *
make_slot(void)
{
    PyObject *threads = PyThreadState_GetDict(); /* borrowed */
    if (threads == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "this thread has no state");
        return NULL;
    }
    Slot *slot = PyObject_GC_New(Slot, &SlotType);
    if (slot == NULL) {
        return NULL;
    }
    slot->state = NULL;
    slot->dict = PyDict_New();
    PyObject_GC_Track(slot);
    if (slot->dict == NULL || PyDict_SetItem(threads, G.key, (PyObject *)slot) < 0) {
        Py_DECREF(slot);
        return NULL;
    }
    this_slot = slot;
    Py_DECREF(slot); /* the thread's dict holds it */
    return slot;
}

/* Return the actor that runs here (borrowed), or NULL. */
static State *
known_state(void)
{
    Slot *slot = this_slot;
    if (slot == NULL) {
        return NULL;
    }
    if (slot->state == NULL) {
        PyObject *found = PyDict_GetItemWithError(slot->dict, G.str_s);
        if (found != NULL && PyObject_TypeCheck(found, &StateType)) {
            Py_INCREF(found);
            slot->state = (State *)found;
        }
    }
    return slot->state;
}

static PyObject *
local_getattro(PyObject *self, PyObject *name)
{
    Slot *slot = this_slot;
    if (name == G.str_s && slot != NULL && slot->state != NULL) {
        Py_INCREF(slot->state);
        return (PyObject *)slot->state;
    }
    if (slot == NULL && (slot = make_slot()) == NULL) {
        return NULL;
    }
    if (PyUnicode_Compare(name, G.str_dict) == 0) {
        Py_CLEAR(slot->state); /* whoever asks may change it */
        Py_INCREF(slot->dict);
        return slot->dict;
    }
    PyObject *found = PyDict_GetItemWithError(slot->dict, name);
    if (found != NULL) {
        if (name == G.str_s) {
            known_state();
        }
        Py_INCREF(found);
        return found;
    }
    return PyErr_Occurred() ? NULL : PyObject_GenericGetAttr(self, name);
}

static int
local_setattro(PyObject *self, PyObject *name, PyObject *value)
{
    Slot *slot = this_slot;
    if (slot == NULL && (slot = make_slot()) == NULL) {
        return -1;
    }
    if (value != NULL) {
        if (PyDict_SetItem(slot->dict, name, value) < 0) {
            return -1;
        }
    }
    else if (PyDict_DelItem(slot->dict, name) < 0) {
        if (PyErr_ExceptionMatches(PyExc_KeyError)) {
            PyErr_SetObject(PyExc_AttributeError, name);
        }
        return -1;
    }
    if (PyUnicode_Compare(name, G.str_s) == 0) {
        State *before = slot->state;
        slot->state = NULL;
        if (value != NULL && PyObject_TypeCheck(value, &StateType)) {
            Py_INCREF(value);
            slot->state = (State *)value;
        }
        Py_XDECREF(before);
    }
    return 0;
}

static PyTypeObject LocalType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "raceway.record._accelerator.local",
    .tp_basicsize = sizeof(PyObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Like _thread._local(), but there is one for the whole process.",
    .tp_getattro = local_getattro,
    .tp_setattro = local_setattro,
};

/* Return who runs here (borrowed), making an actor for a thread that was never seen. */
static inline State *
state_now(void)
{
    Slot *slot = this_slot;
    if (slot != NULL && slot->state != NULL) {
        return slot->state;
    }
    State *state = known_state();
    if (state == NULL && !PyErr_Occurred()) {
        PyObject *made = call_recorder("current", NULL, NULL);
        if (made == NULL) {
            return NULL;
        }
        Py_DECREF(made);
        state = known_state();
        if (state == NULL && !PyErr_Occurred()) {
            PyErr_SetString(PyExc_RuntimeError, "there is no actor");
        }
    }
    return state;
}

/* ------------------------------------------------------------------ the buffer */

/* Append an op whose last items are a place; -1 on failure. */
static inline int
append_place(const State *state, int64_t subject, PyObject *code, int32_t offset)
{
    Op *op = room_for(G.buffer, 1);
    if (op == NULL) {
        return -1;
    }
    fill(op, state, subject, PLACE, code, offset);
    G.buffer->count++;
    return 0;
}

static inline int
make_room(void)
{
    if (G.buffer->count > G.chunk_ops) {
        PyObject *result = call_recorder("flush", NULL, NULL);
        if (result == NULL) {
            return -1;
        }
        Py_DECREF(result);
    }
    return 0;
}

static inline void
set_place(PyObject **code, int32_t *offset, PyObject *new_code, int32_t new_offset)
{
    PyObject *before = *code;
    Py_XINCREF(new_code);
    *code = new_code;
    *offset = new_offset;
    Py_XDECREF(before);
}

/* Append the ops that tell the callers from `frame` on, innermost first. */
static Op *
append_stack(State *state, Frame *frame, int *depth)
{
    Op *ops = room_for(G.buffer, G.depth);
    *depth = 0;
    for (Frame *walker = frame; ops != NULL && walker != NULL && *depth < G.depth; walker = back_of(walker)) {
        fill(&ops[*depth], state, G.frame_ops[*depth], PLACE, code_of(walker), offset_of(walker));
        ++*depth;
    }
    G.buffer->count += *depth;
    return ops;
}

/* Record that `state` is now called from `frame`: recorder.note_stack(). */
static int
note_stack(State *state, Frame *frame)
{
    if (frame == NULL) {
        set_place(&state->caller, &state->offset, NULL, -1);
        return append_place(state, G.no_caller, NULL, -1);
    }
    int depth;
    Op *ops = append_stack(state, frame, &depth);
    if (ops == NULL) {
        return -1;
    }
    /* To let go of a code object can run code of the program, which records and is recorded: the ops may be gone then,
     * and somebody else may be the caller. */
    PyObject *before = state->caller, *above_before = state->above;
    state->caller = Py_XNewRef(ops[0].thing);
    state->offset = ops[0].number;
    state->above = depth > 1 ? Py_XNewRef(ops[1].thing) : NULL;
    state->above_offset = depth > 1 ? ops[1].number : -1;
    Py_XDECREF(before);
    Py_XDECREF(above_before);
    if (!is_at(frame, state->caller, state->offset)) {
        return append_stack(state, frame, &depth) == NULL ? -1 : 0;
    }
    return 0;
}

/* Note the callers of `frame` if they are not the ones that `state` was last seen under. */
static inline int
note_caller(State *state, Frame *frame)
{
    Frame *back = back_of(frame);
    if (back == NULL) {
        return state->caller != NULL || state->offset != -1 ? note_stack(state, NULL) : 0;
    }
    return is_at(back, state->caller, state->offset) ? 0 : note_stack(state, back);
}

/* The same with one level more: where a critical section begins. */
static inline int
note_callers(State *state, Frame *frame)
{
    Frame *back = back_of(frame);
    if (back != NULL && is_at(back, state->caller, state->offset)) {
        Frame *above = back_of(back);
        if (above != NULL && !is_at(above, state->above, state->above_offset)) {
            return note_stack(state, back);
        }
        return 0;
    }
    return note_caller(state, frame);
}

/* Take an error of ours: it is counted and over.  What is not ours stays and is passed on; and when
 * the interpreter is being torn down, nothing is recorded any more. */
static int
forgiven(const char *where)
{
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    if (IS_FINALIZING()) {
        Py_XDECREF(type);
        Py_XDECREF(error);
        Py_XDECREF(trace);
        return 1;
    }
    PyErr_NormalizeException(&type, &error, &trace);
    if (trace != NULL) {
        PyException_SetTraceback(error, trace);
    }
    PyObject *name = PyUnicode_FromString(where);
    PyObject *result = name == NULL ? NULL : call_recorder("lost", name, error);
    Py_XDECREF(name);
    if (result != NULL) {
        Py_DECREF(result);
    }
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(trace);
    return result != NULL;
}

/* ------------------------------------------------------------------ attributes */

typedef struct {
    PyObject_HEAD
    PyObject *name, *original;
    int64_t read, write, value; /* subject with the bits of the op */
    PyObject *set, *delete; /* the way that is taken when it is not a plain `obj.name = value` */
    PyObject *member; /* of a slot: where the value lies; else NULL, and it is in the dict */
} Attribute;

/* Record that an attribute is read, and return its value. */
static PyObject *
recorded_read(PyObject *obj, PyObject *type, PyObject *name, int64_t subject, PyObject *member,
              PyObject *original)
{
    if (make_room() < 0 && !forgiven("attribute")) {
        return NULL;
    }
    State *state = state_now();
    if (state == NULL && !forgiven("attribute")) {
        return NULL;
    }
    Frame *frame = state == NULL ? NULL : top_frame();
    if (frame != NULL && note_caller(state, frame) < 0) {
        if (!forgiven("attribute")) {
            return NULL;
        }
        frame = NULL;
    }
    PyObject *value = NULL;
    if (member == NULL) {
        PyObject *dict = PyObject_GenericGetDict(obj, NULL);
        if (dict != NULL) {
            value = PyDict_GetItemWithError(dict, name);
            Py_XINCREF(value);
            Py_DECREF(dict);
        }
        else {
            PyErr_Clear();
        }
    }
    PyObject *failed = value == NULL ? PyErr_Occurred() : NULL; /* a key of the program has raised */
    if (failed == NULL && frame != NULL
        && append_place(state, subject, code_of(frame), offset_of(frame)) < 0
        && !forgiven("attribute")) {
        Py_XDECREF(value);
        return NULL;
    }
    if (member != NULL) {
        return Py_TYPE(member)->tp_descr_get(member, obj, type);
    }
    if (value != NULL || failed != NULL) {
        return value;
    }
    return PyObject_CallFunctionObjArgs(G.absent, obj, name, original, NULL);
}

static PyObject *
attribute_get(PyObject *self, PyObject *obj, PyObject *type)
{
    Attribute *attribute = (Attribute *)self;
    if (obj == NULL) {
        Py_INCREF(self);
        return self;
    }
    return recorded_read(obj, type, attribute->name, attribute->read, attribute->member,
                         attribute->original);
}

static int
attribute_set(PyObject *self, PyObject *obj, PyObject *value)
{
    Attribute *attribute = (Attribute *)self;
    PyObject *result = value != NULL
        ? PyObject_CallFunctionObjArgs(attribute->set, obj, value, NULL)
        : PyObject_CallFunctionObjArgs(attribute->delete, obj, NULL);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static PyObject *
attribute_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {
        "name", "original", "read", "write", "value", "set", "delete", "member", NULL,
    };
    PyObject *name, *original, *set, *delete, *member = NULL;
    long long read, write, value;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "UOLLLOO|O!", names, &name, &original, &read,
                                     &write, &value, &set, &delete, &PyMemberDescr_Type,
                                     &member)) {
        return NULL;
    }
    Attribute *self = (Attribute *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    Py_INCREF(name);
    PyUnicode_InternInPlace(&name);
    self->name = name;
#define TAKE(field) Py_INCREF(field); self->field = field
    TAKE(original); TAKE(set); TAKE(delete);
#undef TAKE
    self->read = read;
    self->write = write;
    self->value = value;
    Py_XINCREF(member);
    self->member = member;
    return (PyObject *)self;
}

static int
attribute_traverse(Attribute *self, visitproc visit, void *arg)
{
    Py_VISIT(self->original);
    Py_VISIT(self->set);
    Py_VISIT(self->delete);
    Py_VISIT(self->member);
    return 0;
}

static int
attribute_clear(Attribute *self)
{
    Py_CLEAR(self->original);
    Py_CLEAR(self->set);
    Py_CLEAR(self->delete);
    Py_CLEAR(self->member);
    return 0;
}

static void
attribute_dealloc(Attribute *self)
{
    PyObject_GC_UnTrack(self);
    attribute_clear(self);
    Py_CLEAR(self->name);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyTypeObject AttributeType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "raceway.record._accelerator.Attribute",
    .tp_basicsize = sizeof(Attribute),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "An attribute of a watched object that lives in the object's dict or a slot.",
    .tp_new = attribute_new,
    .tp_traverse = (traverseproc)attribute_traverse,
    .tp_clear = (inquiry)attribute_clear,
    .tp_dealloc = (destructor)attribute_dealloc,
    .tp_descr_get = attribute_get,
    .tp_descr_set = attribute_set,
};

/* The objects that share a class, by their address: a dict with numbers as keys that C can look
 * something up in without making one. */
typedef struct {
    uintptr_t address; /* 0: was never used, 1: is not used any more */
    PyObject *names;
} Member;

typedef struct {
    PyObject_HEAD
    Member *table;
    size_t mask; /* its length less one */
    size_t used, taken; /* places with an object; and those that had one */
} Members;

static inline size_t
place_of(const Members *self, uintptr_t address)
{
    return (size_t)((uint64_t)(address >> 4) * 0x9E3779B97F4A7C15u >> 20) & self->mask;
}

static Member *
find_member(const Members *self, uintptr_t address)
{
    for (size_t at = place_of(self, address); self->table[at].address != 0;
         at = (at + 1) & self->mask) {
        if (self->table[at].address == address) {
            return &self->table[at];
        }
    }
    return NULL;
}

/* Return what is known of an object (borrowed), or NULL without an error. */
static inline PyObject *
member_names(const Members *self, PyObject *obj)
{
    Member *found = find_member(self, (uintptr_t)obj);
    return found == NULL ? NULL : found->names;
}

#define LEAST_MEMBERS 16

static int
resize_members(Members *self, size_t room)
{
    Member *before = self->table, *table = PyMem_Calloc(room, sizeof(Member));
    size_t length = before == NULL ? 0 : self->mask + 1;
    if (table == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    self->table = table;
    self->mask = room - 1;
    self->taken = self->used;
    for (size_t from = 0; from < length; from++) {
        if (before[from].address > 1) {
            size_t at = place_of(self, before[from].address);
            while (table[at].address != 0) {
                at = (at + 1) & self->mask;
            }
            table[at] = before[from];
        }
    }
    PyMem_Free(before);
    return 0;
}

static PyObject *
members_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    Members *self = (Members *)type->tp_alloc(type, 0);
    if (self != NULL && resize_members(self, LEAST_MEMBERS) < 0) {
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

static int
members_traverse(Members *self, visitproc visit, void *arg)
{
    for (size_t at = 0; self->table != NULL && at <= self->mask; at++) {
        Py_VISIT(self->table[at].names);
    }
    return 0;
}

static int
members_clear(Members *self)
{
    for (size_t at = 0; self->table != NULL && at <= self->mask; at++) {
        if (self->table[at].address > 1) {
            self->table[at].address = 1;
            self->used--;
            Py_CLEAR(self->table[at].names);
        }
    }
    return 0;
}

static void
members_dealloc(Members *self)
{
    PyObject_GC_UnTrack(self);
    members_clear(self);
    PyMem_Free(self->table);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static uintptr_t
address_of(PyObject *key)
{
    void *address = PyLong_AsVoidPtr(key);
    if ((uintptr_t)address <= 1 && !PyErr_Occurred()) {
        PyErr_SetObject(PyExc_KeyError, key);
    }
    return PyErr_Occurred() ? 0 : (uintptr_t)address;
}

static Py_ssize_t
members_length(Members *self)
{
    return (Py_ssize_t)self->used;
}

static PyObject *
members_subscript(Members *self, PyObject *key)
{
    uintptr_t address = address_of(key);
    Member *found = address == 0 ? NULL : find_member(self, address);
    if (found == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_SetObject(PyExc_KeyError, key);
        }
        return NULL;
    }
    Py_INCREF(found->names);
    return found->names;
}

static int
members_assign(Members *self, PyObject *key, PyObject *names)
{
    uintptr_t address = address_of(key);
    Member *found = address == 0 ? NULL : find_member(self, address);
    if (address == 0 || (names == NULL && found == NULL)) {
        if (!PyErr_Occurred()) {
            PyErr_SetObject(PyExc_KeyError, key);
        }
        return -1;
    }
    PyObject *before = NULL;
    if (names == NULL) {
        before = found->names;
        found->names = NULL;
        found->address = 1;
        self->used--;
    }
    else {
        if (found == NULL) {
            size_t room = self->mask + 1;
            if (3 * (self->taken + 1) > 2 * room
                && resize_members(self, 2 * self->used >= room / 2 ? 2 * room : room) < 0) {
                return -1;
            }
            size_t at = place_of(self, address);
            while (self->table[at].address != 0) {
                at = (at + 1) & self->mask;
            }
            found = &self->table[at];
            found->address = address;
            self->used++;
            self->taken++;
        }
        Py_INCREF(names);
        before = found->names;
        found->names = names;
    }
    Py_XDECREF(before); /* it may run code of the program */
    return 0;
}

static PyObject *
members_get(Members *self, PyObject *args)
{
    PyObject *key, *fallback = Py_None;
    if (!PyArg_ParseTuple(args, "O|O", &key, &fallback)) {
        return NULL;
    }
    PyObject *names = members_subscript(self, key);
    if (names == NULL && PyErr_ExceptionMatches(PyExc_KeyError)) {
        PyErr_Clear();
        names = fallback;
        Py_INCREF(names);
    }
    return names;
}

/* Take an object out.  It may be called for a weak reference, which comes behind the key. */
static PyObject *
members_pop(Members *self, PyObject *args)
{
    PyObject *key, *fallback = NULL;
    if (!PyArg_ParseTuple(args, "O|O", &key, &fallback)) {
        return NULL;
    }
    PyObject *names = members_subscript(self, key);
    if (names != NULL) {
        if (members_assign(self, key, NULL) < 0) {
            Py_CLEAR(names);
        }
    }
    else if (fallback != NULL && PyErr_ExceptionMatches(PyExc_KeyError)) {
        PyErr_Clear();
        names = fallback;
        Py_INCREF(names);
    }
    return names;
}

static PyMethodDef members_methods[] = {
    {"get", (PyCFunction)members_get, METH_VARARGS, "As that of a dict."},
    {"pop", (PyCFunction)members_pop, METH_VARARGS, "As that of a dict."},
    {NULL, NULL, 0, NULL},
};

static PyMappingMethods members_mapping = {
    .mp_length = (lenfunc)members_length,
    .mp_subscript = (binaryfunc)members_subscript,
    .mp_ass_subscript = (objobjargproc)members_assign,
};

static PyTypeObject MembersType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "raceway.record._accelerator.Members",
    .tp_basicsize = sizeof(Members),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "What is known of objects, by their ``id``; as a dict.",
    .tp_new = members_new,
    .tp_traverse = (traverseproc)members_traverse,
    .tp_clear = (inquiry)members_clear,
    .tp_dealloc = (destructor)members_dealloc,
    .tp_methods = members_methods,
    .tp_as_mapping = &members_mapping,
};

/* The same for an attribute of many objects, whose subjects are found by their address. */
typedef struct {
    PyObject_HEAD
    PyObject *name, *original;
    PyObject *members;           /* of the family: by address, subjects by name */
    PyObject *python;            /* the descriptor that does the same, and everything unusual */
    PyObject *fallback, *member; /* what it hands out in Python, each in a tuple */
} SharedAttribute;

static inline PyObject *
member_of(SharedAttribute *attribute)
{
    PyObject *member = PyTuple_GET_ITEM(attribute->member, 0);
    return member == Py_None ? NULL : member;
}

/* Return the subject, or 0 without an error. */
static inline int64_t
shared_subject(SharedAttribute *attribute, PyObject *obj)
{
    PyObject *names = member_names((Members *)attribute->members, obj);
    PyObject *subject = names == NULL || !PyDict_CheckExact(names) ? NULL
        : PyDict_GetItemWithError(names, attribute->name);
    if (subject == NULL || !PyLong_CheckExact(subject)) {
        PyErr_Clear();
        return 0;
    }
    return PyLong_AsLongLong(subject);
}

static PyObject *
shared_get(PyObject *self, PyObject *obj, PyObject *type)
{
    SharedAttribute *attribute = (SharedAttribute *)self;
    int64_t subject = obj == NULL ? 0 : shared_subject(attribute, obj);
    if (subject == 0) {
        return Py_TYPE(attribute->python)->tp_descr_get(attribute->python, obj, type);
    }
    return recorded_read(obj, type, attribute->name, subject, member_of(attribute),
                         attribute->original);
}

static int
shared_set(PyObject *self, PyObject *obj, PyObject *value)
{
    PyObject *python = ((SharedAttribute *)self)->python;
    return Py_TYPE(python)->tp_descr_set(python, obj, value);
}

static PyObject *
shared_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *name, *original, *members, *python;
    if (!PyArg_ParseTuple(args, "UOO!O", &name, &original, &MembersType, &members, &python)) {
        return NULL;
    }
    PyObject *fallback = PyObject_GetAttrString(python, "_raceway_default");
    PyObject *member = fallback == NULL ? NULL : PyObject_GetAttrString(python, "_raceway_member");
    if (member == NULL || !PyTuple_Check(member) || PyTuple_GET_SIZE(member) != 1
        || Py_TYPE(python)->tp_descr_get == NULL || Py_TYPE(python)->tp_descr_set == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "not a descriptor of raceway.watch");
        }
        Py_XDECREF(fallback);
        Py_XDECREF(member);
        return NULL;
    }
    SharedAttribute *self = (SharedAttribute *)type->tp_alloc(type, 0);
    if (self == NULL) {
        Py_DECREF(fallback);
        Py_DECREF(member);
        return NULL;
    }
    Py_INCREF(name);
    PyUnicode_InternInPlace(&name);
    self->name = name;
    self->fallback = fallback;
    self->member = member;
#define TAKE(field) Py_INCREF(field); self->field = field
    TAKE(original); TAKE(members); TAKE(python);
#undef TAKE
    return (PyObject *)self;
}

static int
shared_traverse(SharedAttribute *self, visitproc visit, void *arg)
{
    Py_VISIT(self->original);
    Py_VISIT(self->members);
    Py_VISIT(self->python);
    Py_VISIT(self->fallback);
    Py_VISIT(self->member);
    return 0;
}

static int
shared_clear(SharedAttribute *self)
{
    Py_CLEAR(self->original);
    Py_CLEAR(self->members);
    Py_CLEAR(self->python);
    Py_CLEAR(self->fallback);
    Py_CLEAR(self->member);
    return 0;
}

static void
shared_dealloc(SharedAttribute *self)
{
    PyObject_GC_UnTrack(self);
    shared_clear(self);
    Py_CLEAR(self->name);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMemberDef shared_members[] = {
    {"_raceway_name", T_OBJECT_EX, offsetof(SharedAttribute, name), READONLY, NULL},
    {"_raceway_default", T_OBJECT_EX, offsetof(SharedAttribute, fallback), READONLY, NULL},
    {"_raceway_member", T_OBJECT_EX, offsetof(SharedAttribute, member), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject SharedAttributeType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "raceway.record._accelerator.SharedAttribute",
    .tp_basicsize = sizeof(SharedAttribute),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "An attribute of the objects that share a class: name, class, members, and the\n"
              "descriptor in Python that it stands for.",
    .tp_new = shared_new,
    .tp_members = shared_members,
    .tp_traverse = (traverseproc)shared_traverse,
    .tp_clear = (inquiry)shared_clear,
    .tp_dealloc = (destructor)shared_dealloc,
    .tp_descr_get = shared_get,
    .tp_descr_set = shared_set,
};

/* Return the object itself for the class, else a bound method: functions do the same. */
static PyObject *
bind(PyObject *self, PyObject *obj, PyObject *type)
{
    if (obj == NULL) {
        Py_INCREF(self);
        return self;
    }
    return PyMethod_New(self, obj);
}

/* Names, signature and documentation of what stands for a function are those of the function. */
static PyObject *
wrapping_getattro(PyObject *self, PyObject *function, PyObject *name)
{
    if (PyUnicode_CompareWithASCIIString(name, "__wrapped__") == 0) {
        Py_INCREF(function);
        return function;
    }
    if (PyUnicode_CompareWithASCIIString(name, "__class__") != 0) {
        PyObject *found = PyObject_GetAttr(function, name);
        if (found != NULL || !PyErr_ExceptionMatches(PyExc_AttributeError)) {
            return found;
        }
        PyErr_Clear();
    }
    return PyObject_GenericGetAttr(self, name);
}

/* ``__setattr__`` of a class whose objects are recorded.  Not its slot: object.__setattr__() would refuse to be called
 * past a slot of C. */
typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *function; /* the Python function that does the same, and everything unusual */
} Setter;

/* `obj.name = value`, for values that a report can show or that are of no concern to us. */
static PyObject *
setter_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)
{
    PyObject *function = ((Setter *)self)->function;
    if (PyVectorcall_NARGS(nargsf) != 3 || names != NULL || !PyUnicode_CheckExact(args[1])) {
        return PyObject_Vectorcall(function, args, nargsf, names);
    }
    PyObject *obj = args[0], *name = args[1], *value = args[2];
    PyObject *found = _PyType_Lookup(Py_TYPE(obj), name);
    PyObject *member;
    int64_t write, value_op;
    if (found != NULL && Py_TYPE(found) == &AttributeType) {
        member = ((Attribute *)found)->member;
        name = ((Attribute *)found)->name;
        write = ((Attribute *)found)->write;
        value_op = ((Attribute *)found)->value;
    }
    else if (found != NULL && Py_TYPE(found) == &SharedAttributeType) {
        int64_t subject = shared_subject((SharedAttribute *)found, obj);
        if (subject == 0) {
            return PyObject_Vectorcall(function, args, nargsf, names);
        }
        member = member_of((SharedAttribute *)found);
        name = ((SharedAttribute *)found)->name;
        write = subject | G.write;
        value_op = subject | G.value;
    }
    else {
        return PyObject_Vectorcall(function, args, nargsf, names);
    }
    PyObject *dict = NULL, *before = NULL, *answer = NULL;
    if (member == NULL) {
        Py_INCREF(found); /* to make a dict can run the collector, and what the program has put there */
        dict = PyObject_GenericGetDict(obj, NULL);
        if (Py_REFCNT(found) == 1 || dict == NULL) {
            Py_DECREF(found);
            Py_XDECREF(dict);
            PyErr_Clear();
            return PyObject_Vectorcall(function, args, nargsf, names);
        }
        Py_DECREF(found);
        before = PyDict_GetItemWithError(dict, name); /* borrowed */
    }
    PyTypeObject *type = Py_TYPE(value);
    PyObject *kind = Py_None, *shown = value;
    int own = 0; /* whether `shown` is a reference of ours */
    if (type == &PyUnicode_Type) {
        if (PyUnicode_GET_LENGTH(value) > G.text_limit) {
            shown = PyUnicode_Substring(value, 0, G.text_limit);
            own = 1;
        }
    }
    else if (type != &PyLong_Type && value != Py_None && type != &PyFloat_Type
             && type != &PyBool_Type) {
        if (member != NULL) {
            return PyObject_Vectorcall(function, args, nargsf, names);
        }
        kind = (PyObject *)type;
        shown = before == value ? Py_True : Py_None; /* True: changed in place */
        if (shown == Py_None && Py_TYPE(type) == &PyType_Type) {
            int replaced = PyDict_Contains(G.tracked, kind);
            if (replaced != 0) {
                Py_CLEAR(dict); /* who adopts the value counts its references, not those of the dict */
                return replaced < 0 ? NULL : PyObject_Vectorcall(function, args, nargsf, names);
            }
        }
    }
    int result = -1;
    Op shown_op = {0};
    Py_XINCREF(before); /* its finaliser runs when all is recorded */
    Py_INCREF(found);
    if (shown == NULL || (make_room() < 0 && !forgiven("attribute"))) {
        goto done;
    }
    State *state = state_now();
    if (state == NULL && !forgiven("attribute")) {
        goto done;
    }
    Frame *frame = state == NULL ? NULL : top_frame();
    if (frame != NULL && (note_caller(state, frame) < 0 || fill_from(&shown_op, kind, shown) < 0)) {
        if (!forgiven("attribute")) {
            goto done;
        }
        frame = NULL;
    }
    result = member != NULL ? 0 : PyDict_SetItem(dict, name, value);
    if (result == 0 && frame != NULL) {
        Op *ops = room_for(G.buffer, 2);
        if (ops == NULL) {
            Py_XDECREF(shown_op.thing);
            result = -1;
        }
        else {
            fill(&ops[0], state, write, PLACE, code_of(frame), offset_of(frame));
            shown_op.epoch |= state->epoch;
            shown_op.actor = state->actor;
            shown_op.subject = value_op;
            ops[1] = shown_op;
            G.buffer->count += 2;
        }
    }
    else {
        Py_XDECREF(shown_op.thing);
    }
    if (result == 0 && member != NULL) {
        result = Py_TYPE(member)->tp_descr_set(member, obj, value);
    }
done:
    if (result == 0) {
        answer = Py_None;
        Py_INCREF(answer);
    }
    if (own) {
        Py_XDECREF(shown);
    }
    Py_XDECREF(before);
    Py_DECREF(found);
    Py_XDECREF(dict);
    return answer;
}

static PyObject *
setter_getattro(PyObject *self, PyObject *name)
{
    return wrapping_getattro(self, ((Setter *)self)->function, name);
}

static PyObject *
setter_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *function;
    if (!PyArg_ParseTuple(args, "O", &function)) {
        return NULL;
    }
    Setter *self = (Setter *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->call = setter_call;
        Py_INCREF(function);
        self->function = function;
    }
    return (PyObject *)self;
}

static int
setter_traverse(Setter *self, visitproc visit, void *arg)
{
    Py_VISIT(self->function);
    return 0;
}

static int
setter_clear(Setter *self)
{
    Py_CLEAR(self->function);
    return 0;
}

static void
setter_dealloc(Setter *self)
{
    PyObject_GC_UnTrack(self);
    setter_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyTypeObject SetterType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "raceway.record._accelerator.Setter",
    .tp_basicsize = sizeof(Setter),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL
        | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_doc = "``__setattr__`` of a class whose objects are recorded.",
    .tp_new = setter_new,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(Setter, call),
    .tp_getattro = setter_getattro,
    .tp_traverse = (traverseproc)setter_traverse,
    .tp_clear = (inquiry)setter_clear,
    .tp_dealloc = (destructor)setter_dealloc,
    .tp_descr_get = bind,
};

/* ------------------------------------------------------------------ containers */

/* A method of a tracked dict, list or deque, for keys of builtin classes and values that are not
 * containers; anything else is done by the Python function that this stands for. */
enum { READ_ITEM, WRITE_ITEM, APPEND, ADD, POP, POPLEFT, KINDS };
static const char *const kinds[] = {"read", "write", "append", "add", "pop", "popleft"};

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *function, *base; /* of Python; of the builtin class */
    PyTypeObject *owner;
    Py_ssize_t items, structure; /* where they lie in an instance */
    int kind;
} ContainerMethod;

/* Return a subject that is kept in a table or slot; 0 if it is none. */
static inline int64_t
kept_subject(PyObject *kept)
{
    return kept != NULL && PyLong_CheckExact(kept) ? PyLong_AsLongLong(kept) : 0;
}

/* Return the subject of an item, or 0: no error, but nothing for this way. */
static inline int64_t
known_item(ContainerMethod *method, PyObject *self, PyObject *key)
{
    if (PyLong_CheckExact(key)) {
        if (PyList_Check(self)) {
            Py_ssize_t index = PyLong_AsSsize_t(key);
            if (index < 0 || index >= PyList_GET_SIZE(self)) {
                PyErr_Clear();
                return 0;
            }
        }
    }
    else if (!PyUnicode_CheckExact(key) || PyList_Check(self)) {
        return 0;
    }
    PyObject *items = FIELD(self, method->items);
    if (items == NULL || !PyDict_Check(items)) {
        return 0;
    }
    PyObject *item = PyDict_GetItemWithError(items, key);
    if (item == NULL) {
        PyErr_Clear();
    }
    return kept_subject(item);
}

/* What one call does, in ops. */
typedef struct {
    int64_t first, second; /* subjects with the bits of their ops; 0 if there is none */
    PyObject *shown;       /* the value whose subject the second one is */
} Ops;

/* Record an access to a container; -1 on failure.  In the same step comes its value, if there is
 * one, or else another access. */
static int
record_access(const Ops *accesses)
{
    if (make_room() < 0) {
        return -1;
    }
    State *state = state_now();
    if (state == NULL) {
        return -1;
    }
    Frame *frame = top_frame();
    if (frame == NULL) {
        return 0;
    }
    if (note_caller(state, frame) < 0) {
        return -1;
    }
    Op shown = {0};
    if (accesses->shown != NULL && fill_from(&shown, Py_None, accesses->shown) < 0) {
        return -1;
    }
    Op *ops = room_for(G.buffer, 2);
    if (ops == NULL) {
        Py_XDECREF(shown.thing);
        return -1;
    }
    fill(&ops[0], state, accesses->first, PLACE, code_of(frame), offset_of(frame));
    if (accesses->shown != NULL) {
        shown.epoch |= state->epoch;
        shown.actor = state->actor;
        shown.subject = accesses->second;
        ops[1] = shown;
    }
    else if (accesses->second) {
        fill(&ops[1], state, accesses->second, PLACE, code_of(frame), offset_of(frame));
    }
    G.buffer->count += accesses->second ? 2 : 1;
    return 0;
}

/* Whether a value is shown in a report as it is. */
static inline int
is_shown(PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    return type == &PyLong_Type || value == Py_None || type == &PyFloat_Type || type == &PyBool_Type
        || (type == &PyUnicode_Type && PyUnicode_GET_LENGTH(value) <= G.text_limit);
}

static inline int64_t
of_structure(ContainerMethod *method, PyObject *self, long op)
{
    int64_t structure = kept_subject(FIELD(self, method->structure));
    return structure ? structure | op : 0;
}

static void
ops_of_add(ContainerMethod *method, PyObject *self, PyObject *member, Ops *ops)
{
    int64_t item = known_item(method, self, member);
    int present = item == 0 ? -1 : PySet_Contains(self, member);
    if (present == 1) {
        ops->first = item | G.grow;
    }
    else if (present == 0 && (ops->first = of_structure(method, self, G.grow)) != 0) {
        ops->second = item | G.grow;
    }
}

static void
ops_of_pop(ContainerMethod *method, PyObject *self, Ops *ops)
{
    Py_ssize_t size = Py_SIZE(self); /* of a deque */
    PyObject *items = FIELD(self, method->items);
    if (size == 0 || items == NULL || !PyDict_Check(items)) {
        return;
    }
    PyObject *index = PyLong_FromSsize_t(method->kind == POP ? size - 1 : 0);
    PyObject *item = index == NULL ? NULL : PyDict_GetItemWithError(items, index);
    int64_t subject = kept_subject(item);
    Py_XDECREF(index);
    if (PyErr_Occurred() || (!subject && (item != NULL || method->kind == POPLEFT))) {
        return;
    }
    ops->first = of_structure(method, self, G.update);
    if (ops->first && subject) {
        ops->second = subject | G.update;
    }
}

/* Find out what a call does; nothing if that is better left to Python. */
static void
ops_of_call(ContainerMethod *method, PyObject *const *args, Py_ssize_t count, Ops *ops)
{
    PyObject *self = args[0];
    int64_t item;
    switch (method->kind) {
    case READ_ITEM:
        if (count >= 2 && count <= 3) {
            ops->first = known_item(method, self, args[1]);
        }
        break;
    case WRITE_ITEM:
        if (count == 3 && is_shown(args[2])
            && (item = known_item(method, self, args[1])) != 0
            && (!PyDict_Check(self) || PyDict_Contains(self, args[1]) == 1)) {
            ops->shown = args[2];
            ops->first = item | G.write;
            ops->second = item | G.value;
        }
        break;
    case APPEND:
        if (count == 2 && is_shown(args[1])) {
            ops->first = of_structure(method, self, G.grow);
        }
        break;
    case ADD:
        if (count == 2) {
            ops_of_add(method, self, args[1], ops);
        }
        break;
    default:
        if (count == 1) {
            ops_of_pop(method, self, ops);
        }
    }
    PyErr_Clear();
}

static PyObject *
container_method_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)
{
    ContainerMethod *method = (ContainerMethod *)self;
    Py_ssize_t count = PyVectorcall_NARGS(nargsf);
    Ops ops = {0, 0, NULL};
    if (names == NULL && count >= 1 && Py_TYPE(args[0]) == method->owner) {
        ops_of_call(method, args, count, &ops);
    }
    if (ops.first == 0) {
        return PyObject_Vectorcall(method->function, args, nargsf, names);
    }
    if (record_access(&ops) < 0 && !forgiven("access")) {
        return NULL;
    }
    return PyObject_Vectorcall(method->base, args, nargsf, NULL);
}

static PyObject *
container_method_getattro(PyObject *self, PyObject *name)
{
    return wrapping_getattro(self, ((ContainerMethod *)self)->function, name);
}

static PyObject *
container_method_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *function, *base, *owner, *items, *structure;
    const char *kind;
    if (!PyArg_ParseTuple(args, "sOOO!O!O!", &kind, &function, &base, &PyType_Type, &owner,
                          &PyMemberDescr_Type, &items, &PyMemberDescr_Type, &structure)) {
        return NULL;
    }
    int number = 0;
    while (number < KINDS && strcmp(kind, kinds[number]) != 0) {
        number++;
    }
    if (number == KINDS) {
        PyErr_Format(PyExc_ValueError, "there is no kind %s of methods", kind);
        return NULL;
    }
    ContainerMethod *self = (ContainerMethod *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->call = container_method_call;
#define TAKE(field) Py_INCREF(field); self->field = (void *)field
    TAKE(function); TAKE(base); TAKE(owner);
#undef TAKE
    self->items = ((PyMemberDescrObject *)items)->d_member->offset;
    self->structure = ((PyMemberDescrObject *)structure)->d_member->offset;
    self->kind = number;
    return (PyObject *)self;
}

static int
container_method_traverse(ContainerMethod *self, visitproc visit, void *arg)
{
    Py_VISIT(self->function);
    Py_VISIT(self->base);
    Py_VISIT(self->owner);
    return 0;
}

static int
container_method_clear(ContainerMethod *self)
{
    Py_CLEAR(self->function);
    Py_CLEAR(self->base);
    Py_CLEAR(self->owner);
    return 0;
}

static void
container_method_dealloc(ContainerMethod *self)
{
    PyObject_GC_UnTrack(self);
    container_method_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyTypeObject ContainerMethodType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "raceway.record._accelerator.ContainerMethod",
    .tp_basicsize = sizeof(ContainerMethod),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL
        | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_doc = "A method of a tracked container: kind (read, write, append, add,\n"
              "pop, popleft), function, base, class, and the two slots.",
    .tp_new = container_method_new,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(ContainerMethod, call),
    .tp_getattro = container_method_getattro,
    .tp_traverse = (traverseproc)container_method_traverse,
    .tp_clear = (inquiry)container_method_clear,
    .tp_dealloc = (destructor)container_method_dealloc,
    .tp_descr_get = bind,
};

/* ------------------------------------------------------------------ with lock */

/* What the two ends of a critical section share. */
typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *acquire, *release, *held;
    PyObject *raw;             /* the real lock, if it is of a class that is known */
    int64_t acquired, released; /* subject with the bits of the op */
    PyObject *caller;          /* under which callers the section was begun; NULL: under none */
    int32_t offset;
    PyObject *enter;           /* of Leave: the Enter that all this belongs to */
} Block;

/* Append an op of a lock and begin a new epoch. */
static inline int
append_sync(State *state, int64_t subject, Frame *frame)
{
    int result = append_place(state, subject, code_of(frame), offset_of(frame));
    state->epoch += result == 0;
    return result;
}

/* Take the real lock if it is free: 1, or 0 for the usual way. */
static inline int
take_at_once(Block *block)
{
    return block->raw != NULL && take_raw(block->raw);
}

static int
give_up(Block *block)
{
    if (block->raw != NULL && give_raw(block->raw)) {
        return 0;
    }
    PyObject *result = PyObject_CallNoArgs(block->release);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static PyObject *
give_back(Block *block)
{
    /* The `with` block of the caller will never be entered. */
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    if (give_up(block) < 0) {
        PyErr_Clear();
    }
    PyErr_Restore(type, error, trace);
    return NULL;
}

/* The frame that acquires or releases: that of `with condition` is one further up. */
static inline Frame *
site_of_lock(PyObject *passed_over)
{
    Frame *frame = top_frame();
    if (frame != NULL && code_of(frame) == passed_over) {
        Frame *back = back_of(frame);
        frame = back != NULL ? back : frame;
    }
    return frame;
}

static int
record_enter(Block *block)
{
    State *state = state_now();
    if (state == NULL) {
        return -1;
    }
    Frame *frame = site_of_lock(G.condition_enter);
    if (frame == NULL) {
        return 0;
    }
    if (note_callers(state, frame) < 0) {
        return -1;
    }
    if (block->caller != state->caller || block->offset != state->offset) {
        set_place(&block->caller, &block->offset, state->caller, state->offset);
    }
    return append_sync(state, block->acquired, frame);
}

/* Note that a lock was waited for since a moment: what lock_ops.wait_for() records. */
static int
record_wait(Block *block, PyObject *begun)
{
    State *state = state_now();
    PyObject *now = state == NULL ? NULL : PyObject_CallNoArgs(G.clock);
    PyObject *duration = now == NULL ? NULL : PyNumber_Subtract(now, begun);
    Py_XDECREF(now);
    PyObject *told = duration == NULL ? NULL
        : Py_BuildValue("(LN)", (long long)(block->acquired >> G.op_bits), duration);
    Op *op = told == NULL ? NULL : room_for(G.buffer, 1);
    int result = -1;
    if (op != NULL) {
        fill(op, state, G.waited, SCALAR, told, 0);
        G.buffer->count++;
        result = 0;
    }
    Py_XDECREF(told);
    return result;
}

/* Take a lock that somebody else has; -1 on failure, and then it is not taken. */
static int
wait_for(Block *block)
{
    PyObject *begun = block->raw == NULL ? Py_NewRef(Py_None) : PyObject_CallNoArgs(G.clock);
    PyObject *result = begun == NULL ? NULL : PyObject_CallNoArgs(block->acquire);
    if (result != NULL && begun != Py_None && record_wait(block, begun) < 0 && !forgiven("lock")) {
        give_back(block);
        Py_CLEAR(result);
    }
    Py_XDECREF(begun);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static PyObject *
block_enter(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)
{
    Block *block = (Block *)self;
    if (PyVectorcall_NARGS(nargsf) != 0 || (names != NULL && PyTuple_GET_SIZE(names) != 0)) {
        PyErr_Format(PyExc_TypeError, "__enter__() takes 0 positional arguments but %zd were given",
                     PyVectorcall_NARGS(nargsf));
        return NULL;
    }
    if (!take_at_once(block) && wait_for(block) < 0) {
        return NULL;
    }
    if (record_enter(block) < 0 && !forgiven("lock")) {
        return give_back(block);
    }
    Py_RETURN_TRUE;
}

/* Whether a release will succeed; -1 on failure. */
static inline int
is_held(Block *block)
{
    if (block->raw != NULL) {
        return raw_is_held(block->raw);
    }
    PyObject *held = PyObject_CallNoArgs(block->held);
    int result = held == NULL ? -1 : PyObject_IsTrue(held);
    Py_XDECREF(held);
    return result;
}

/* Record the release, unless it will fail. */
static int
record_leave(Block *block)
{
    int held = is_held(block);
    if (held <= 0) {
        return held;
    }
    State *state = state_now();
    if (state == NULL) {
        return -1;
    }
    Frame *frame = site_of_lock(G.condition_exit);
    if (frame == NULL) {
        return 0;
    }
    /* As it was at the beginning: then nobody has come from elsewhere since. */
    if (state->caller != block->caller || state->offset != block->offset) {
        if (note_callers(state, frame) < 0) {
            return -1;
        }
    }
    return append_sync(state, block->released, frame);
}

static PyObject *
block_leave(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)
{
    Block *block = (Block *)((Block *)self)->enter;
    if (record_leave(block) < 0 && !forgiven("lock")) {
        return give_back(block);
    }
    if (give_up(block) < 0) {
        return NULL;
    }
    if (make_room() < 0 && !forgiven("lock")) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static int
block_traverse(Block *self, visitproc visit, void *arg)
{
    Py_VISIT(self->acquire);
    Py_VISIT(self->release);
    Py_VISIT(self->held);
    Py_VISIT(self->raw);
    Py_VISIT(self->enter);
    return 0;
}

static int
block_clear(Block *self)
{
    Py_CLEAR(self->acquire);
    Py_CLEAR(self->release);
    Py_CLEAR(self->held);
    Py_CLEAR(self->raw);
    Py_CLEAR(self->enter);
    return 0;
}

static void
block_dealloc(Block *self)
{
    PyObject_GC_UnTrack(self);
    block_clear(self);
    Py_CLEAR(self->caller);
    PyObject_GC_Del(self);
}

#define BLOCK_TYPE(title, text) { \
    PyVarObject_HEAD_INIT(NULL, 0) \
    .tp_name = "raceway.record._accelerator." title, \
    .tp_basicsize = sizeof(Block), \
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL, \
    .tp_doc = text, \
    .tp_call = PyVectorcall_Call, \
    .tp_vectorcall_offset = offsetof(Block, call), \
    .tp_traverse = (traverseproc)block_traverse, \
    .tp_clear = (inquiry)block_clear, \
    .tp_dealloc = (destructor)block_dealloc, \
}

static PyTypeObject EnterType = BLOCK_TYPE("Enter", "``__enter__`` of one lock.");
static PyTypeObject LeaveType = BLOCK_TYPE("Leave", "``__exit__`` of one lock.");

static Block *
new_block(PyTypeObject *type, vectorcallfunc call)
{
    Block *block = PyObject_GC_New(Block, type);
    if (block != NULL) {
        block->call = call;
        block->acquire = block->release = block->held = block->raw = NULL;
        block->acquired = block->released = 0;
        block->caller = block->enter = NULL;
        block->offset = -2;
        PyObject_GC_Track(block);
    }
    return block;
}

PyDoc_STRVAR(make_block_doc,
"make_block(acquire, release, held, acquired, released)\n--\n\n"
"Return ``__enter__`` and ``__exit__`` of one lock, as raceway_autopatch.lock_ops.make_block().\n\n"
"``acquired`` and ``released`` are the serial number with the bits of the ops.");

static PyObject *
make_block(PyObject *module, PyObject *args)
{
    PyObject *acquire, *release, *held;
    long long acquired, released;
    if (!PyArg_ParseTuple(args, "OOOLL", &acquire, &release, &held, &acquired, &released)) {
        return NULL;
    }
    Block *enter = new_block(&EnterType, block_enter);
    if (enter == NULL) {
        return NULL;
    }
#define TAKE(field) Py_INCREF(field); enter->field = field
    TAKE(acquire); TAKE(release); TAKE(held);
#undef TAKE
    enter->acquired = acquired;
    enter->released = released;
    Block *leave = new_block(&LeaveType, block_leave);
    if (leave == NULL) {
        Py_DECREF(enter);
        return NULL;
    }
    Py_INCREF(enter);
    leave->enter = (PyObject *)enter;
    return Py_BuildValue("(NN)", enter, leave);
}

/* Gives a traced lock what it has around the real one: what raceway_autopatch.locks does there. */
typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    Py_ssize_t enter, leave, held, raw, subject; /* where its slots lie */
    PyTypeObject *owner;
    long acquire, release;
} Dresser;

static PyObject *
dresser_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)
{
    Dresser *dresser = (Dresser *)self;
    if (PyVectorcall_NARGS(nargsf) != 4 || names != NULL
        || !PyObject_TypeCheck(args[0], dresser->owner) || !PyLong_CheckExact(args[3])) {
        PyErr_SetString(PyExc_TypeError, "takes a lock, the real one, a name and a subject");
        return NULL;
    }
    PyObject *lock = args[0], *raw = args[1], *subject = args[3];
    Block *enter = new_block(&EnterType, block_enter);
    Block *leave = enter == NULL ? NULL : new_block(&LeaveType, block_leave);
    if (leave == NULL || (enter->acquire = PyObject_GetAttr(raw, G.str_acquire)) == NULL
        || (enter->release = PyObject_GetAttr(raw, G.str_release)) == NULL
        || (enter->held = PyObject_GetAttr(raw, args[2])) == NULL) {
        Py_XDECREF(enter);
        Py_XDECREF(leave);
        return NULL;
    }
    if (is_known_lock(raw)) {
        Py_INCREF(raw);
        enter->raw = raw;
    }
    enter->acquired = PyLong_AsLongLong(subject) | dresser->acquire;
    enter->released = PyLong_AsLongLong(subject) | dresser->release;
    leave->enter = (PyObject *)enter; /* the reference is needed twice */
    Py_INCREF(enter);
    set_field(lock, dresser->enter, (PyObject *)enter);
    set_field(lock, dresser->leave, (PyObject *)leave);
    set_field(lock, dresser->held, enter->held);
    set_field(lock, dresser->raw, raw);
    set_field(lock, dresser->subject, subject);
    Py_DECREF(enter);
    Py_DECREF(leave);
    Py_RETURN_NONE;
}

static void
dresser_dealloc(Dresser *self)
{
    Py_XDECREF(self->owner);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyTypeObject DresserType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "raceway.record._accelerator.Dresser",
    .tp_basicsize = sizeof(Dresser),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_doc = "Gives a traced lock what it has around the real one.",
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(Dresser, call),
    .tp_dealloc = (destructor)dresser_dealloc,
};

PyDoc_STRVAR(dresser_doc,
"dresser(slots, acquire, release)\n--\n\n"
"Return a function that gives a new lock what it has: lock, real lock, name of the method that says\n"
"whether it is held, subject.\n\n"
"``slots`` are __enter__, __exit__, _held, _raw and _subject, the others the bits of the ops.");

static PyObject *
dresser(PyObject *module, PyObject *args)
{
    PyObject *slots[5];
    long acquire, release;
    if (!PyArg_ParseTuple(args, "(O!O!O!O!O!)ll:dresser", &PyMemberDescr_Type, &slots[0],
                          &PyMemberDescr_Type, &slots[1], &PyMemberDescr_Type, &slots[2],
                          &PyMemberDescr_Type, &slots[3], &PyMemberDescr_Type, &slots[4],
                          &acquire, &release)) {
        return NULL;
    }
    Dresser *self = PyObject_New(Dresser, &DresserType);
    if (self == NULL) {
        return NULL;
    }
    self->call = dresser_call;
    Py_ssize_t *offsets[] = {&self->enter, &self->leave, &self->held, &self->raw, &self->subject};
    for (int at = 0; at < 5; at++) {
        *offsets[at] = ((PyMemberDescrObject *)slots[at])->d_member->offset;
    }
    self->owner = PyDescr_TYPE(slots[0]);
    Py_INCREF(self->owner);
    self->acquire = acquire;
    self->release = release;
    return (PyObject *)self;
}

/* `lock.acquire()` and `lock.release()` without arguments are what the block does; anything else is
 * done by the Python function that this stands for. */
typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *function;
    PyTypeObject *owner;
    Py_ssize_t at; /* where the block lies in an instance */
} LockMethod;

static PyObject *
lock_method_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)
{
    LockMethod *method = (LockMethod *)self;
    if (PyVectorcall_NARGS(nargsf) == 1 && (names == NULL || PyTuple_GET_SIZE(names) == 0)
        && PyObject_TypeCheck(args[0], method->owner)) {
        PyObject *block = FIELD(args[0], method->at);
        if (block != NULL && Py_TYPE(block) == &EnterType) {
            return block_enter(block, NULL, 0, NULL);
        }
        if (block != NULL && Py_TYPE(block) == &LeaveType) {
            return block_leave(block, NULL, 0, NULL);
        }
    }
    return PyObject_Vectorcall(method->function, args, nargsf, names);
}

static PyObject *
lock_method_getattro(PyObject *self, PyObject *name)
{
    return wrapping_getattro(self, ((LockMethod *)self)->function, name);
}

static PyObject *
lock_method_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *function, *owner, *member;
    if (!PyArg_ParseTuple(args, "OO!O!", &function, &PyType_Type, &owner, &PyMemberDescr_Type,
                          &member)) {
        return NULL;
    }
    LockMethod *self = (LockMethod *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->call = lock_method_call;
        Py_INCREF(function);
        self->function = function;
        Py_INCREF(owner);
        self->owner = (PyTypeObject *)owner;
        self->at = ((PyMemberDescrObject *)member)->d_member->offset;
    }
    return (PyObject *)self;
}

static int
lock_method_traverse(LockMethod *self, visitproc visit, void *arg)
{
    Py_VISIT(self->function);
    Py_VISIT(self->owner);
    return 0;
}

static int
lock_method_clear(LockMethod *self)
{
    Py_CLEAR(self->function);
    Py_CLEAR(self->owner);
    return 0;
}

static void
lock_method_dealloc(LockMethod *self)
{
    PyObject_GC_UnTrack(self);
    lock_method_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyTypeObject LockMethodType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "raceway.record._accelerator.LockMethod",
    .tp_basicsize = sizeof(LockMethod),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL
        | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_doc = "``acquire`` or ``release`` of a class of locks whose instances have a block.",
    .tp_new = lock_method_new,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(LockMethod, call),
    .tp_getattro = lock_method_getattro,
    .tp_traverse = (traverseproc)lock_method_traverse,
    .tp_clear = (inquiry)lock_method_clear,
    .tp_dealloc = (destructor)lock_method_dealloc,
    .tp_descr_get = bind,
};

/* What stands for `_thread.allocate_lock`: a module whose locks nobody follows gets the real one without a frame of ours,
 * which a debugger would show in the middle of each import. */
typedef struct {
    LockMethod method; /* of its owner's instances: where the real function lies */
    PyObject *internal; /* by the names of modules: whether they make locks for themselves */
    Py_ssize_t trace;   /* where that lies what puts a traced lock around a real one */
} LockFactory;

/* Make a lock and trace it; NULL without an error for what only the Python function can do. */
static PyObject *
make_traced(PyObject *original, PyObject *trace)
{
    PyObject *frame = (PyObject *)PyEval_GetFrame(); /* borrowed */
    if (frame == NULL || trace == NULL) {
        return NULL;
    }
    Py_INCREF(frame);
    PyObject *raw = PyObject_CallNoArgs(original);
    PyObject *result = NULL;
    if (raw != NULL) {
        PyObject *args[] = {raw, G.str_lock, frame};
        result = PyObject_Vectorcall(trace, args, 3, NULL);
        Py_DECREF(raw);
    }
    Py_DECREF(frame);
    return result;
}

static PyObject *
lock_factory_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)
{
    LockMethod *method = &((LockFactory *)self)->method;
    if (PyVectorcall_NARGS(nargsf) == 1 && (names == NULL || PyTuple_GET_SIZE(names) == 0)
        && PyObject_TypeCheck(args[0], method->owner)) {
        PyObject *globals = PyEval_GetGlobals();
        PyObject *name = globals == NULL ? NULL : PyDict_GetItemWithError(globals, G.str_name);
        PyObject *internal = NULL;
        if (name != NULL && PyUnicode_CheckExact(name)) {
            internal = PyDict_GetItemWithError(((LockFactory *)self)->internal, name);
        }
        PyObject *original = FIELD(args[0], method->at);
        if (internal == Py_True && original != NULL) {
            return PyObject_CallNoArgs(original);
        }
        if (internal == Py_False && original != NULL) {
            PyObject *made = make_traced(original, FIELD(args[0], ((LockFactory *)self)->trace));
            if (made != NULL || PyErr_Occurred()) {
                return made;
            }
        }
        PyErr_Clear(); /* the Python function says what is wrong */
    }
    return PyObject_Vectorcall(method->function, args, nargsf, names);
}

static PyObject *
lock_factory_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    int is_complete = PyTuple_GET_SIZE(args) == 5;
    PyObject *internal = is_complete ? PyTuple_GET_ITEM(args, 3) : NULL;
    PyObject *trace = is_complete ? PyTuple_GET_ITEM(args, 4) : NULL;
    if (!is_complete || !PyDict_CheckExact(internal) || Py_TYPE(trace) != &PyMemberDescr_Type) {
        PyErr_SetString(PyExc_TypeError,
                        "takes a function, its class, a member of it, a dict and another member");
        return NULL;
    }
    PyObject *others = PyTuple_GetSlice(args, 0, 3);
    if (others == NULL) {
        return NULL;
    }
    LockFactory *self = (LockFactory *)lock_method_new(type, others, kwargs);
    Py_DECREF(others);
    if (self != NULL) {
        self->method.call = lock_factory_call;
        Py_INCREF(internal);
        self->internal = internal;
        self->trace = ((PyMemberDescrObject *)trace)->d_member->offset;
    }
    return (PyObject *)self;
}

static int
lock_factory_traverse(LockFactory *self, visitproc visit, void *arg)
{
    Py_VISIT(self->internal);
    return lock_method_traverse(&self->method, visit, arg);
}

static int
lock_factory_clear(LockFactory *self)
{
    Py_CLEAR(self->internal);
    return lock_method_clear(&self->method);
}

static void
lock_factory_dealloc(LockFactory *self)
{
    PyObject_GC_UnTrack(self);
    lock_factory_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyTypeObject LockFactoryType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "raceway.record._accelerator.LockFactory",
    .tp_basicsize = sizeof(LockFactory),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL
        | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_doc = "``__call__`` of what makes locks in the place of a builtin function.",
    .tp_new = lock_factory_new,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(LockMethod, call),
    .tp_getattro = lock_method_getattro,
    .tp_traverse = (traverseproc)lock_factory_traverse,
    .tp_clear = (inquiry)lock_factory_clear,
    .tp_dealloc = (destructor)lock_factory_dealloc,
    .tp_descr_get = bind,
};

/* ------------------------------------------------------------------ unseen by what traces */

#if PY_VERSION_HEX < 0x030B0000
static void
PyThreadState_EnterTracing(PyThreadState *thread)
{
    thread->tracing++;
    thread->cframe->use_tracing = 0;
}

static void
PyThreadState_LeaveTracing(PyThreadState *thread)
{
    thread->tracing--;
    thread->cframe->use_tracing
        = thread->tracing == 0 && (thread->c_tracefunc != NULL || thread->c_profilefunc != NULL);
}
#endif

/* A function of ours between the program and what it has asked for.  Tools that trace, profile or debug the program do
 * not see it, nor what it calls but by seen(). */
typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *function;
} Unseen;

static PyObject *
unseen_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)
{
    PyThreadState *thread = PyThreadState_Get();
    PyThreadState_EnterTracing(thread);
    PyObject *result = PyObject_Vectorcall(((Unseen *)self)->function, args,
                                           (size_t)PyVectorcall_NARGS(nargsf), names);
    PyThreadState_LeaveTracing(thread);
    return result;
}

PyDoc_STRVAR(seen_doc,
"seen(function, *args)\n--\n\n"
"Call a function of the program from one that is Unseen.");

static PyObject *
seen(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count < 1) {
        PyErr_SetString(PyExc_TypeError, "takes a function");
        return NULL;
    }
    PyThreadState *thread = PyThreadState_Get();
    PyThreadState_LeaveTracing(thread);
    PyObject *result = PyObject_Vectorcall(args[0], args + 1, (size_t)(count - 1), NULL);
    PyThreadState_EnterTracing(thread);
    return result;
}

static PyObject *
unseen_getattro(PyObject *self, PyObject *name)
{
    return wrapping_getattro(self, ((Unseen *)self)->function, name);
}

static PyObject *
unseen_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *function;
    if (!PyArg_ParseTuple(args, "O", &function)) {
        return NULL;
    }
    Unseen *self = (Unseen *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->call = unseen_call;
        Py_INCREF(function);
        self->function = function;
    }
    return (PyObject *)self;
}

static int
unseen_traverse(Unseen *self, visitproc visit, void *arg)
{
    Py_VISIT(self->function);
    return 0;
}

static int
unseen_clear(Unseen *self)
{
    Py_CLEAR(self->function);
    return 0;
}

static void
unseen_dealloc(Unseen *self)
{
    PyObject_GC_UnTrack(self);
    unseen_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyTypeObject UnseenType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "raceway.record._accelerator.Unseen",
    .tp_basicsize = sizeof(Unseen),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL
        | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_doc = "A function that tools which trace the program do not see.",
    .tp_new = unseen_new,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(Unseen, call),
    .tp_getattro = unseen_getattro,
    .tp_traverse = (traverseproc)unseen_traverse,
    .tp_clear = (inquiry)unseen_clear,
    .tp_dealloc = (destructor)unseen_dealloc,
    .tp_descr_get = bind,
};

/* ------------------------------------------------------------------ imports */

/* ``find_spec`` of the first finder: most modules are none of its business, and a frame of Python code would be seen in
 * each import by whatever traces. */
typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *function; /* the Python method that does the same, and everything unusual */
    PyObject *hooks;    /* by the names of modules: what waits for them */
    PyObject *ours;     /* how the names of our own modules begin */
} FindSpec;

static PyObject *
find_spec_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)
{
    FindSpec *find = (FindSpec *)self;
    Py_ssize_t count = PyVectorcall_NARGS(nargsf);
    if ((count == 2 || count == 3) && (names == NULL || PyTuple_GET_SIZE(names) == 0)
        && PyUnicode_CheckExact(args[0])) {
        int hooked = PyDict_Contains(find->hooks, args[0]);
        Py_ssize_t own = hooked != 0 ? 1
            : PyUnicode_Tailmatch(args[0], find->ours, 0, PY_SSIZE_T_MAX, -1);
        if (hooked == 0 && own == 0) {
            Py_RETURN_NONE;
        }
        PyErr_Clear(); /* the Python function says what is wrong */
    }
    return PyObject_Vectorcall(find->function, args, nargsf, names);
}

static PyObject *
find_spec_getattro(PyObject *self, PyObject *name)
{
    return wrapping_getattro(self, ((FindSpec *)self)->function, name);
}

static PyObject *
find_spec_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *function, *hooks, *ours;
    if (!PyArg_ParseTuple(args, "OO!O!", &function, &PyDict_Type, &hooks, &PyUnicode_Type, &ours)) {
        return NULL;
    }
    FindSpec *self = (FindSpec *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->call = find_spec_call;
        Py_INCREF(function);
        self->function = function;
        Py_INCREF(hooks);
        self->hooks = hooks;
        Py_INCREF(ours);
        self->ours = ours;
    }
    return (PyObject *)self;
}

static int
find_spec_traverse(FindSpec *self, visitproc visit, void *arg)
{
    Py_VISIT(self->function);
    Py_VISIT(self->hooks);
    return 0;
}

static int
find_spec_clear(FindSpec *self)
{
    Py_CLEAR(self->function);
    Py_CLEAR(self->hooks);
    Py_CLEAR(self->ours);
    return 0;
}

static void
find_spec_dealloc(FindSpec *self)
{
    PyObject_GC_UnTrack(self);
    find_spec_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyTypeObject FindSpecType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "raceway.record._accelerator.FindSpec",
    .tp_basicsize = sizeof(FindSpec),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_doc = "``find_spec`` of a finder for few modules.",
    .tp_new = find_spec_new,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(FindSpec, call),
    .tp_getattro = find_spec_getattro,
    .tp_traverse = (traverseproc)find_spec_traverse,
    .tp_clear = (inquiry)find_spec_clear,
    .tp_dealloc = (destructor)find_spec_dealloc,
};

/* ------------------------------------------------------------------ slots of Python classes */

static Py_ssize_t
slot_offset(PyTypeObject *type, const char *name)
{
    PyObject *member = PyDict_GetItemString(type->tp_dict, name); /* borrowed */
    if (member == NULL || Py_TYPE(member) != &PyMemberDescr_Type) {
        PyErr_Format(PyExc_TypeError, "%s has no slot %s", type->tp_name, name);
        return -1;
    }
    return ((PyMemberDescrObject *)member)->d_member->offset;
}

/* ------------------------------------------------------------------ SimpleQueue */

/* ``put`` of a SimpleQueue is one step, and stays one: a finaliser that puts something, too, comes
 * before or after it.  So nothing here runs code of Python, or lets the garbage collector do so.
 * What is unusual is done by the Python function that this stands for. */
typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *function, *base; /* of Python; of the builtin class */
    PyObject *trace;           /* the name under which a queue has its Items */
    PyObject *next_channel;
    PyTypeObject *items;
    Py_ssize_t pending, puts, inflight, common; /* where the slots of Items lie */
    int op_bits;
    long handoff;
} QueuePut;

/* Note what is about to be put, and record it: 1; 0 if it is not as usual; -1 on failure. */
static int
note_put(QueuePut *method, PyObject *queue, PyObject *item)
{
    PyObject *dict = PyObject_GenericGetDict(queue, NULL);
    if (dict == NULL) {
        return -1;
    }
    PyObject *items = PyDict_GetItemWithError(dict, method->trace); /* the queue holds it */
    Py_DECREF(dict);
    if (items == NULL || Py_TYPE(items) != method->items) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *pending = FIELD(items, method->pending), *puts = FIELD(items, method->puts);
    PyObject *inflight = FIELD(items, method->inflight), *common = FIELD(items, method->common);
    if (!PyDict_CheckExact(pending) || !PyList_CheckExact(puts) || !PyDict_CheckExact(inflight)
        || PyDict_GET_SIZE(inflight) || !PyLong_CheckExact(common) || PyObject_IsTrue(common)) {
        return 0;
    }
    State *state = known_state();
    if (state == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    int result = -1;
    PyObject *channel = NULL, *put = NULL;
    PyObject *key = PyLong_FromVoidPtr(item);
    int known = key == NULL ? -1 : PyDict_Contains(pending, key);
    if (known != 0) {
        result = known < 0 ? -1 : 0;
        goto done;
    }
    channel = PyObject_CallNoArgs(method->next_channel);
    put = channel == NULL ? NULL : PyList_New(1);
    if (put == NULL) {
        goto done;
    }
    Py_INCREF(channel);
    PyList_SET_ITEM(put, 0, channel);
    Op *op = room_for(G.buffer, 1);
    if (op == NULL || PyDict_SetItem(pending, key, put) < 0
        || PyList_Append(puts, Py_None) < 0) {
        goto done;
    }
    fill(op, state, PyLong_AsLongLong(channel) << method->op_bits | method->handoff, NOTHING, NULL,
         0);
    G.buffer->count++;
    state->epoch++;
    result = 1;
done:
    Py_XDECREF(key);
    Py_XDECREF(channel);
    Py_XDECREF(put);
    return result;
}

static PyObject *
queue_put_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)
{
    QueuePut *method = (QueuePut *)self;
    Py_ssize_t count = PyVectorcall_NARGS(nargsf);
    if (names != NULL || count != 2) { /* else the truth of an argument is asked for */
        return PyObject_Vectorcall(method->function, args, nargsf, names);
    }
    int collects = PyGC_Disable(); /* up to Python 3.11 it begins when something is made */
    int noted = note_put(method, args[0], args[1]);
    PyObject *result = noted > 0 ? PyObject_Vectorcall(method->base, args, nargsf, NULL) : NULL;
    if (collects) {
        PyGC_Enable();
    }
    if (noted < 0 && !forgiven("queue")) {
        return NULL;
    }
    if (noted <= 0) {
        return PyObject_Vectorcall(method->function, args, nargsf, NULL);
    }
    if (result != NULL && make_room() < 0 && !forgiven("queue")) {
        Py_CLEAR(result);
    }
    return result;
}

static PyObject *
queue_put_getattro(PyObject *self, PyObject *name)
{
    return wrapping_getattro(self, ((QueuePut *)self)->function, name);
}

static PyObject *
queue_put_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *function, *base, *trace, *next_channel, *items;
    int op_bits;
    long handoff;
    if (!PyArg_ParseTuple(args, "OOUOO!il", &function, &base, &trace, &next_channel, &PyType_Type,
                          &items, &op_bits, &handoff)) {
        return NULL;
    }
    PyTypeObject *known = (PyTypeObject *)items;
    Py_ssize_t pending = slot_offset(known, "pending"), puts = slot_offset(known, "puts");
    Py_ssize_t inflight = slot_offset(known, "inflight"), common = slot_offset(known, "common");
    if (pending < 0 || puts < 0 || inflight < 0 || common < 0) {
        return NULL;
    }
    QueuePut *self = (QueuePut *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->call = queue_put_call;
#define TAKE(field, value) Py_INCREF(value); self->field = (void *)value
    TAKE(function, function); TAKE(base, base); TAKE(trace, trace);
    TAKE(next_channel, next_channel); TAKE(items, items);
#undef TAKE
    self->pending = pending;
    self->puts = puts;
    self->inflight = inflight;
    self->common = common;
    self->op_bits = op_bits;
    self->handoff = handoff;
    return (PyObject *)self;
}

static int
queue_put_traverse(QueuePut *self, visitproc visit, void *arg)
{
    Py_VISIT(self->function);
    Py_VISIT(self->base);
    Py_VISIT(self->next_channel);
    Py_VISIT(self->items);
    return 0;
}

static int
queue_put_clear(QueuePut *self)
{
    Py_CLEAR(self->function);
    Py_CLEAR(self->base);
    Py_CLEAR(self->next_channel);
    Py_CLEAR(self->items);
    return 0;
}

static void
queue_put_dealloc(QueuePut *self)
{
    PyObject_GC_UnTrack(self);
    queue_put_clear(self);
    Py_CLEAR(self->trace);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyTypeObject QueuePutType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "raceway.record._accelerator.QueuePut",
    .tp_basicsize = sizeof(QueuePut),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL
        | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_doc = "``put`` of a SimpleQueue: function, base, name of the Items, next_channel, class of\n"
              "Items, bits of an op, and the op.",
    .tp_new = queue_put_new,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(QueuePut, call),
    .tp_getattro = queue_put_getattro,
    .tp_traverse = (traverseproc)queue_put_traverse,
    .tp_clear = (inquiry)queue_put_clear,
    .tp_dealloc = (destructor)queue_put_dealloc,
    .tp_descr_get = bind,
};

#include "_queues.h"

/* ------------------------------------------------------------------ synchronisation */

PyDoc_STRVAR(sync_doc,
"sync(op, subject, argument=None, /)\n--\n\n"
"Record a synchronisation op of whoever runs here; its epoch goes up: recorder.sync().");

static int
record_sync(PyObject *const *args, Py_ssize_t count)
{
    State *state = state_now();
    if (state == NULL) {
        return -1;
    }
    long op_number = PyLong_AsLong(args[0]);
    long long subject = PyLong_AsLongLong(args[1]);
    if (PyErr_Occurred()) {
        return -1;
    }
    Op filled = {0};
    if (fill_from(&filled, Py_None, count > 2 ? args[2] : Py_None) < 0) {
        return -1;
    }
    Op *op = room_for(G.buffer, 1);
    if (op == NULL) {
        Py_XDECREF(filled.thing);
        return -1;
    }
    filled.epoch |= state->epoch;
    filled.actor = state->actor;
    filled.subject = subject << G.op_bits | op_number;
    *op = filled;
    G.buffer->count++;
    state->epoch++;
    return make_room();
}

static PyObject *
sync_op(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count < 2 || count > 3) {
        PyErr_SetString(PyExc_TypeError, "sync() takes an op, a subject and at most an argument");
        return NULL;
    }
    if (record_sync(args, count) < 0 && !forgiven("synchronisation")) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* ------------------------------------------------------------------ the module */

PyDoc_STRVAR(configure_doc,
"configure(*, chunk_items, op_bits, frame_ops, recorder, clock, waited)\n--\n\n"
"Take what the recorder is made of; called once, by the recorder.\n\n"
"``frame_ops`` are the ops of a call stack by depth; at 0 stands the one for no caller.\n"
"``recorder`` is the dict of its module; ``clock`` returns nanoseconds, ``waited`` is the subject\n"
"and op of having waited for a lock.");

static PyObject *
configure(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"chunk_items", "op_bits", "frame_ops", "recorder", "clock",
                            "waited", NULL};
    PyObject *frame_ops, *recorder, *clock;
    long waited;
    Py_ssize_t chunk_items;
    int op_bits;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "$niO!O!Ol", names, &chunk_items, &op_bits,
                                     &PyTuple_Type, &frame_ops, &PyDict_Type, &recorder, &clock,
                                     &waited)) {
        return NULL;
    }
    Py_ssize_t depth = PyTuple_GET_SIZE(frame_ops) - 1;
    if (G.ready || depth < 1 || depth > MAX_DEPTH) {
        PyErr_SetString(PyExc_ValueError, "configured before, or with an unusable depth");
        return NULL;
    }
    G.no_caller = PyLong_AsLongLong(PyTuple_GET_ITEM(frame_ops, 0));
    for (Py_ssize_t at = 0; at < depth; at++) {
        G.frame_ops[at] = PyLong_AsLongLong(PyTuple_GET_ITEM(frame_ops, at + 1));
    }
    if (PyErr_Occurred()) {
        return NULL;
    }
    G.depth = (int)depth;
    G.op_bits = op_bits;
    G.chunk_ops = chunk_items / STRIDE;
    Py_INCREF(recorder);
    G.recorder = recorder;
    Py_INCREF(clock);
    G.clock = clock;
    G.waited = waited;
    find_raw_locks();
    G.ready = 1;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(configure_watch_doc,
"configure_watch(*, absent, tracked, text_limit, write, value, grow, update)\n--\n\n"
"Take what raceway.watch knows: the function for what an object does not have, the classes whose\n"
"instances are replaced when they are assigned, and the bits of ops.");

static PyObject *
configure_watch(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"absent", "tracked", "text_limit", "write", "value", "grow",
                            "update", NULL};
    PyObject *absent, *tracked;
    Py_ssize_t text_limit;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "$OO!nllll", names, &absent, &PyDict_Type,
                                     &tracked, &text_limit, &G.write, &G.value, &G.grow,
                                     &G.update)) {
        return NULL;
    }
    Py_INCREF(absent);
    Py_XSETREF(G.absent, absent);
    Py_INCREF(tracked);
    Py_XSETREF(G.tracked, tracked);
    G.text_limit = text_limit;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(pass_over_doc,
"pass_over(enter, exit)\n--\n\n"
"Let the caller of these code objects, the two of a condition, be the site of a lock's op.");

static PyObject *
pass_over(PyObject *module, PyObject *args)
{
    PyObject *enter, *leave;
    if (!PyArg_ParseTuple(args, "OO", &enter, &leave)) {
        return NULL;
    }
    Py_INCREF(enter);
    Py_XSETREF(G.condition_enter, enter);
    Py_INCREF(leave);
    Py_XSETREF(G.condition_exit, leave);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(is_configured_doc,
"is_configured()\n--\n\n"
"Return whether a recorder uses this; a second one, imported anew, has to do without.");

static PyObject *
is_configured(PyObject *module, PyObject *ignored)
{
    return PyBool_FromLong(G.ready);
}

static PyMethodDef methods[] = {
    {"is_configured", is_configured, METH_NOARGS, is_configured_doc},
    {"configure", (PyCFunction)(void (*)(void))configure, METH_VARARGS | METH_KEYWORDS,
     configure_doc},
    {"configure_watch", (PyCFunction)(void (*)(void))configure_watch,
     METH_VARARGS | METH_KEYWORDS, configure_watch_doc},
    {"configure_queues", (PyCFunction)(void (*)(void))configure_queues,
     METH_VARARGS | METH_KEYWORDS, configure_queues_doc},
    {"dresser", dresser, METH_VARARGS, dresser_doc},
    {"make_block", make_block, METH_VARARGS, make_block_doc},
    {"pack", pack, METH_VARARGS, pack_doc},
    {"sync", (PyCFunction)(void (*)(void))sync_op, METH_FASTCALL, sync_doc},
    {"unpack", unpack, METH_O, unpack_doc},
    {"pass_over", pass_over, METH_VARARGS, pass_over_doc},
    {"seen", (PyCFunction)(void (*)(void))seen, METH_FASTCALL, seen_doc},
    {NULL, NULL, 0, NULL},
};

static int
module_exec(PyObject *module)
{
    /* What it keeps belongs to the main interpreter; the others have the Python recorder. */
    if (G.key != NULL || PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError, "there is one accelerator in a process");
        return -1;
    }
    G.str_s = PyUnicode_InternFromString("s");
    G.str_dict = PyUnicode_InternFromString("__dict__");
    G.str_acquire = PyUnicode_InternFromString("acquire");
    G.str_release = PyUnicode_InternFromString("release");
    G.str_name = PyUnicode_InternFromString("__name__");
    G.str_lock = PyUnicode_InternFromString("Lock");
    if (G.str_name == NULL || G.str_lock == NULL || G.str_acquire == NULL || G.str_release == NULL || G.str_s == NULL || G.str_dict == NULL
        || PyType_Ready(&StateType) < 0 || PyType_Ready(&BufferType) < 0
        || PyType_Ready(&TableType) < 0 || PyType_Ready(&QueueStepType) < 0 || PyType_Ready(&MembersType) < 0
        || PyType_Ready(&SlotType) < 0 || PyType_Ready(&LocalType) < 0
        || PyType_Ready(&AttributeType) < 0 || PyType_Ready(&SharedAttributeType) < 0
        || PyType_Ready(&EnterType) < 0
        || PyType_Ready(&LeaveType) < 0 || PyType_Ready(&SetterType) < 0
        || PyType_Ready(&LockFactoryType) < 0 || PyType_Ready(&FindSpecType) < 0
        || PyType_Ready(&UnseenType) < 0
        || PyType_Ready(&LockMethodType) < 0 || PyType_Ready(&DresserType) < 0
        || PyType_Ready(&ContainerMethodType) < 0 || PyType_Ready(&QueuePutType) < 0) {
        return -1;
    }
    PyObject *local = PyObject_New(PyObject, &LocalType);
    if (local == NULL) {
        return -1;
    }
    int failed = PyModule_AddObjectRef(module, "local", local);
    Py_DECREF(local);
    G.buffer = new_buffer(LEAST_ROOM);
    if (failed < 0 || G.buffer == NULL
        || PyModule_AddObjectRef(module, "buffer", (PyObject *)G.buffer) < 0
        || PyModule_AddObjectRef(module, "Buffer", (PyObject *)&BufferType) < 0
        || PyModule_AddObjectRef(module, "State", (PyObject *)&StateType) < 0
        || PyModule_AddObjectRef(module, "QueueTable", (PyObject *)&TableType) < 0
        || PyModule_AddObjectRef(module, "QueueStep", (PyObject *)&QueueStepType) < 0
        || PyModule_AddObjectRef(module, "Members", (PyObject *)&MembersType) < 0
        || PyModule_AddObjectRef(module, "Attribute", (PyObject *)&AttributeType) < 0
        || PyModule_AddObjectRef(module, "SharedAttribute", (PyObject *)&SharedAttributeType) < 0
        || PyModule_AddObjectRef(module, "Setter", (PyObject *)&SetterType) < 0
        || PyModule_AddObjectRef(module, "LockMethod", (PyObject *)&LockMethodType) < 0
        || PyModule_AddObjectRef(module, "LockFactory", (PyObject *)&LockFactoryType) < 0
        || PyModule_AddObjectRef(module, "Unseen", (PyObject *)&UnseenType) < 0
        || PyModule_AddObjectRef(module, "FindSpec", (PyObject *)&FindSpecType) < 0
        || PyModule_AddObjectRef(module, "ContainerMethod", (PyObject *)&ContainerMethodType) < 0
        || PyModule_AddObjectRef(module, "QueuePut", (PyObject *)&QueuePutType) < 0) {
        return -1;
    }
    G.key = PyUnicode_FromString("raceway.record.local");
    return G.key == NULL ? -1 : 0;
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
    .m_name = "raceway.record._accelerator",
    .m_doc = "The hot path in C.",
    .m_size = 0,
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__accelerator(void)
{
    return PyModuleDef_Init(&definition);
}
