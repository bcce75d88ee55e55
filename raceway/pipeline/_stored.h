/* Events as the server's analysis wants them, made of what msgspec has decoded.
 *
 * events_of() in raceway/server/event_decoding.py is the reference.
 */

#define LINE_CLASSES(X) X(line) X(kinds) X(changed) X(made)

#define LINE_SLOTS(X) \
    X(line, id) X(line, kind) X(line, lock_set) X(line, metadata) X(line, parent_id) \
    X(line, timestamp) X(line, trace_id) \
    X(kinds, StateChange) \
    X(changed, location) X(changed, variable)

#define LINE_THINGS(X) \
    X(canonical) X(kind_of) X(nanoseconds) X(no_lock_set) X(none_left) X(read_metadata) X(unset)

#define DECLARE(name) static PyTypeObject *name##_type;
LINE_CLASSES(DECLARE)
#undef DECLARE
#define DECLARE(class, name) static Py_ssize_t class##__##name;
LINE_SLOTS(DECLARE)
#undef DECLARE
#define DECLARE(name) static PyObject *the_##name;
LINE_THINGS(DECLARE)
#undef DECLARE

static PyObject *no_bytes;
static int is_configured_for_lines;

#define SECOND 20    /* characters until the fraction of a second begins */
#define FRACTION 6   /* digits of it */
static const char utc[] = "+00:00";

/* What events mostly have in common with the one before. */
typedef struct {
    PyObject *raw, *metadata, *trace, *names;  /* references of ours */
    char second[SECOND];
    int64_t begin;  /* of that second */
} Before;

/* Return the nanoseconds of a time, which has been checked before, or -1. */
static int64_t
time_of(Before *before, PyObject *text)
{
    int is_usual = PyUnicode_IS_COMPACT_ASCII(text)
        && PyUnicode_GET_LENGTH(text) == SECOND + FRACTION + (Py_ssize_t)strlen(utc)
        && memcmp(PyUnicode_1BYTE_DATA(text) + SECOND + FRACTION, utc, strlen(utc)) == 0;
    if (is_usual && memcmp(PyUnicode_1BYTE_DATA(text), before->second, SECOND) == 0) {
        const Py_UCS1 *digits = PyUnicode_1BYTE_DATA(text) + SECOND;
        int64_t micros = 0;
        for (int at = 0; at < FRACTION; at++) {
            micros = 10 * micros + (digits[at] - '0');
        }
        return before->begin + 1000 * micros;
    }
    PyObject *answer = PyObject_CallOneArg(the_nanoseconds, text);
    int64_t time = answer == NULL ? -1 : number_in(answer);
    Py_XDECREF(answer);
    if (is_usual && time >= 0) {
        memcpy(before->second, PyUnicode_1BYTE_DATA(text), SECOND);
        before->begin = time - time % 1000000000;
    }
    return time;
}

/* Return the usual spelling of a UUID, which has been checked before. */
static PyObject *
canonical_of(PyObject *text)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    int is_usual = PyUnicode_IS_COMPACT_ASCII(text) && length == 36;
    for (Py_ssize_t at = 0; is_usual && at < length; at++) {
        Py_UCS1 letter = PyUnicode_1BYTE_DATA(text)[at];
        is_usual = letter < 'A' || letter > 'Z';
    }
    return is_usual ? Py_NewRef(text) : PyObject_CallOneArg(the_canonical, text);
}

/* Let a slot hold the object that was equal to it before, if there was one. */
static int
share(Before *before, PyObject **slot)
{
    PyObject *known = PyDict_SetDefault(before->names, *slot, *slot);
    if (known == NULL) {
        return -1;
    }
    store(slot, known);
    return 0;
}

/* Let *kind and *fields be what an event is about: new references. */
static int
take_kind(Before *before, PyObject *line, PyObject **kind, PyObject **fields)
{
    PyObject *kinds = SLOT(line, line, kind);
    if (Py_TYPE(kinds) != kinds_type) {
        PyErr_SetString(PyExc_TypeError, "an event whose kind has been taken");
        return -1;
    }
    *fields = Py_NewRef(SLOT(kinds, kinds, StateChange));
    if (*fields != the_unset) {
        *kind = Py_NewRef(str_StateChange);
        if (Py_TYPE(*fields) != changed_type || share(before, &SLOT(*fields, changed, location)) < 0
            || share(before, &SLOT(*fields, changed, variable)) < 0) {
            return -1;
        }
    }
    else {
        Py_CLEAR(*fields);
        PyObject *both = PyObject_CallOneArg(the_kind_of, kinds);
        int is_pair = both != NULL && PyTuple_CheckExact(both) && PyTuple_GET_SIZE(both) == 2;
        if (is_pair) {
            *kind = Py_NewRef(PyTuple_GET_ITEM(both, 0));
            *fields = Py_NewRef(PyTuple_GET_ITEM(both, 1));
        }
        Py_XDECREF(both);
        if (!is_pair) {
            return -1;
        }
    }
    SET(line, line, kind, the_none_left);
    return 0;
}

static int
take_metadata(Before *before, PyObject *line)
{
    PyObject *raw = SLOT(line, line, metadata);
    int is_known = before->raw == NULL ? 0 : PyObject_RichCompareBool(raw, before->raw, Py_EQ);
    if (is_known < 0) {
        return -1;
    }
    if (!is_known) {
        PyObject *metadata = PyObject_CallOneArg(the_read_metadata, raw);
        if (metadata == NULL) {
            return -1;
        }
        store_new(&before->metadata, metadata);
        store_new(&before->raw, Py_NewRef(raw));
    }
    SET(line, line, metadata, before->metadata);
    return 0;
}

static void
take_trace(Before *before, PyObject *line)
{
    PyObject *trace = SLOT(line, line, trace_id);
    if (before->trace != NULL && PyUnicode_Compare(trace, before->trace) == 0) {
        SET(line, line, trace_id, before->trace);
    }
    else {
        store_new(&before->trace, Py_NewRef(trace));
    }
}

/* Return what the analysis wants of an event. */
static PyObject *
stored_event(Before *before, PyObject *line)
{
    PyObject *kind = NULL, *fields = NULL, *id = NULL, *parent = NULL, *when = NULL, *made = NULL;
    if (Py_TYPE(line) != line_type) {
        PyErr_SetString(PyExc_TypeError, "no event that has been decoded");
        return NULL;
    }
    int64_t time = time_of(before, SLOT(line, line, timestamp));
    if (time < 0 || take_kind(before, line, &kind, &fields) < 0 || take_metadata(before, line) < 0) {
        goto over;
    }
    take_trace(before, line);
    SET(line, line, timestamp, no_text);
    if (PyList_GET_SIZE(SLOT(line, line, lock_set)) == 0) {
        SET(line, line, lock_set, the_no_lock_set);
    }
    PyObject *above = SLOT(line, line, parent_id);
    id = canonical_of(SLOT(line, line, id));
    parent = above == Py_None || PyUnicode_GET_LENGTH(above) == 0 ? Py_NewRef(no_text)
        : canonical_of(above);
    when = PyLong_FromLongLong(time);
    if (id != NULL && parent != NULL && when != NULL) {
        PyObject *arguments[] = {no_bytes, line, kind, fields, id, parent, when};
        made = PyObject_Vectorcall((PyObject *)made_type, arguments, 7, NULL);
    }
over:
    Py_XDECREF(kind);
    Py_XDECREF(fields);
    Py_XDECREF(id);
    Py_XDECREF(parent);
    Py_XDECREF(when);
    if (made == NULL && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_TypeError, "an event that is none");
    }
    return made;
}

PyDoc_STRVAR(events_of_doc,
"events_of(lines)\n--\n\nReturn what ``raceway.server.event_decoding.events_of`` does.");

static PyObject *
events_of(PyObject *module, PyObject *lines)
{
    if (!is_configured_for_lines || !PyList_CheckExact(lines)) {
        PyErr_SetString(PyExc_TypeError, "events_of() takes a list of events that were decoded");
        return NULL;
    }
    Before before = {.names = PyDict_New()};
    PyObject *events = before.names == NULL ? NULL : PyList_New(0);
    for (Py_ssize_t at = 0; events != NULL && at < PyList_GET_SIZE(lines); at++) {
        PyObject *event = stored_event(&before, PyList_GET_ITEM(lines, at));
        if (event == NULL || PyList_Append(events, event) < 0) {
            Py_CLEAR(events);
        }
        Py_XDECREF(event);
    }
    Py_XDECREF(before.raw);
    Py_XDECREF(before.metadata);
    Py_XDECREF(before.trace);
    Py_XDECREF(before.names);
    return events;
}

PyDoc_STRVAR(configure_lines_doc,
"configure_lines(classes, things)\n--\n\nTell what the server calls the same.");

static PyObject *
configure_lines(PyObject *module, PyObject *args)
{
    PyObject *classes, *things;
    if (!PyArg_ParseTuple(args, "O!O!:configure_lines", &PyDict_Type, &classes, &PyDict_Type,
                          &things)) {
        return NULL;
    }
    TAKE_CLASSES(LINE_CLASSES, LINE_SLOTS)
    LINE_THINGS(TAKE_THING)
    if (no_bytes == NULL && (no_bytes = PyBytes_FromStringAndSize("", 0)) == NULL) {
        return NULL;
    }
    if (str_StateChange == NULL
        && (str_StateChange = PyUnicode_InternFromString("StateChange")) == NULL) {
        return NULL;
    }
    is_configured_for_lines = 1;
    Py_RETURN_NONE;
}
