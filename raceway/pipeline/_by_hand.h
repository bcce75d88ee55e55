/* Accesses that programs track by hand, as the server gets them: what is frequent among them.
 *
 * SdkEvents.feed, with what it calls for an access of a thread that holds nothing, is the reference;
 * ServerAnalyzer.access is part of it.  An event that is anything else, and the first of its thread,
 * variable or place, is left to Python, before anything has been done about it but that its thread has
 * entered its trace.
 */

#define SDK_CLASSES(X) X(sdk) X(thread) X(sender) X(stored) X(sent) X(change) X(metadata)

#define SDK_SLOTS(X) \
    X(sdk, _replay) X(sdk, _threads) X(sdk, _events) X(sdk, _clocks) X(sdk, _replies) X(sdk, _shared) \
    X(sdk, _sender) X(sdk, _thread) \
    X(thread, current) X(thread, function) X(thread, last) X(thread, trace) \
    X(sender, component) X(sender, thread) \
    X(stored, event) X(stored, fields) X(stored, id) X(stored, kind) X(stored, parent) X(stored, time) \
    X(sent, causality_vector) X(sent, lock_set) X(sent, metadata) X(sent, trace_id) \
    X(change, access_type) X(change, location) X(change, new_value) X(change, variable) \
    X(metadata, distributed_span_id)

#define SDK_NAMES(X) \
    X(StateChange) X(_clock) X(_enter) X(_passed) X(_settled) X(append) X(places) X(time) X(variables)

#define DECLARE(name) static PyTypeObject *name##_type;
SDK_CLASSES(DECLARE)
#undef DECLARE
#define DECLARE(class, name) static Py_ssize_t class##__##name;
SDK_SLOTS(DECLARE)
#undef DECLARE
#define DECLARE(name) static PyObject *str_##name;
SDK_NAMES(DECLARE)
#undef DECLARE

static Py_ssize_t settled_kept, text_limit;
static int is_configured_for_sdk;

/* The tables that the events of one call are looked up in. */
typedef struct {
    Run run;
    PyObject *sdk, *replay;                          /* borrowed */
    PyObject *touched, *variables, *places, *sites;  /* of the replay; sites: PlaceTable.known */
    PyObject *settled;                               /* of the analyzer */
    PyObject *time;                                  /* of the latest event; borrowed, or NULL */
    int64_t passed;
} Tracked;

/* What an event is about: all borrowed. */
typedef struct {
    PyObject *thread, *actor, *variable, *site, *value, *clocks, *count;
    int64_t kind;
    int has_value;
} Tracking;

static inline PyObject *
young_of(PyObject *aging)
{
    return SLOT(aging, aging, young);
}

/* Return what a pair is mapped to (borrowed), or NULL and maybe an error. */
static PyObject *
of_pair(PyObject *dict, PyObject *one, PyObject *two)
{
    PyObject *key = PyTuple_Pack(2, one, two);
    PyObject *found = key == NULL ? NULL : PyDict_GetItemWithError(dict, key);
    Py_XDECREF(key);
    return found;
}

static inline int
are_equal_texts(PyObject *one, PyObject *two)
{
    return one == two || PyUnicode_Compare(one, two) == 0;
}

static inline int
is_text(PyObject *text, const char *other)
{
    return PyUnicode_CompareWithASCIIString(text, other) == 0;
}

/* Return the function that a thread is in, if a location is in its file (borrowed). */
static PyObject *
function_of(PyObject *thread, PyObject *location)
{
    PyObject *function = SLOT(thread, thread, function);
    PyObject *file = PyTuple_GET_ITEM(function, 0);
    Py_ssize_t length = PyUnicode_GET_LENGTH(file);
    if (length == 0 || PyUnicode_GET_LENGTH(location) <= length
        || PyUnicode_READ_CHAR(location, length) != ':'
        || PyUnicode_Tailmatch(location, file, 0, PY_SSIZE_T_MAX, -1) != 1) {
        return no_text;
    }
    return PyTuple_GET_ITEM(function, 1);
}

/* Let the thread of a sender be the current one; 0 if it is new. */
static int
enter_thread(Tracked *tracked, PyObject *sender)
{
    if (SLOT(tracked->sdk, sdk, _sender) == sender) {
        return 1;
    }
    PyObject *thread = PyDict_GetItemWithError(young_of(SLOT(tracked->sdk, sdk, _threads)),
                                               SLOT(sender, sender, thread));
    if (thread == NULL || Py_TYPE(thread) != thread_type) {
        return PyErr_Occurred() ? -1 : 0;
    }
    SET(tracked->sdk, sdk, _sender, sender);
    SET(tracked->sdk, sdk, _thread, thread);
    return 1;
}

/* Tell whether there is an answer to the span of an event that it may have to come after. */
static int
has_replies(Tracked *tracked, PyObject *sent)
{
    PyObject *replies = SLOT(tracked->sdk, sdk, _replies);
    PyObject *both[] = {SLOT(replies, aging, young), SLOT(replies, aging, old)};
    PyObject *span = SLOT(SLOT(sent, sent, metadata), metadata, distributed_span_id);
    for (int at = 0; at < 2 && span != Py_None; at++) {
        if (PyDict_GET_SIZE(both[at])) {
            if (of_pair(both[at], SLOT(sent, sent, trace_id), span) != NULL) {
                return 1;
            }
            if (PyErr_Occurred()) {
                return -1;
            }
        }
    }
    return 0;
}

/* Let a thread go on with the trace of an event, as SdkEvents.feed does. */
static int
enter_trace(Tracked *tracked, PyObject *event, PyObject *sender, PyObject *thread)
{
    PyObject *trace = SLOT(SLOT(event, stored, event), sent, trace_id);
    PyObject *actor = SLOT(thread, thread, current);
    if (actor != Py_None && are_equal_texts(SLOT(thread, thread, trace), trace)) {
        if (PyDict_GetItemWithError(tracked->run.actors, SLOT(actor, actor, number)) == actor) {
            return 0;
        }
        if (PyErr_Occurred()) {
            return -1;
        }
    }
    if (write_back(&tracked->run) < 0
        || done_with(CHANGING(PyObject_CallMethodObjArgs(tracked->sdk, str__enter, thread, event,
                                                         sender, NULL))) < 0) {
        return -1;
    }
    Py_CLEAR(tracked->touched);
    return attribute(tracked->replay, str__touched, &tracked->touched);
}

/* Find out who does it: somebody who holds nothing, and whom nothing orders but the thread.
 * Return 1, -1, or 0 for what is left to Python; so do the following ones. */
static int
find_actor(Tracked *tracked, PyObject *event, PyObject *sender, Tracking *found)
{
    PyObject *sent = SLOT(event, stored, event), *vector = SLOT(sent, sent, causality_vector);
    PyObject *thread = found->thread, *parent = SLOT(event, stored, parent);
    if (PyList_GET_SIZE(SLOT(sent, sent, lock_set)) || PyList_GET_SIZE(vector) != 1) {
        return 0;
    }
    PyObject *clock = PyList_GET_ITEM(vector, 0), *component = SLOT(sender, sender, component);
    if (!are_equal_texts(PyTuple_GET_ITEM(clock, 0), component)) {
        return 0;
    }
    if (enter_trace(tracked, event, sender, thread) < 0) {
        return -1;
    }
    PyObject *actor = SLOT(thread, thread, current);
    if (Py_TYPE(actor) != actor_type
        || !same_number(SLOT(actor, actor, group), SLOT(actor, actor, number))
        || SLOT(actor, actor, turn) != Py_None || PyDict_GET_SIZE(SLOT(actor, actor, held))
        || PyTuple_GET_SIZE(SLOT(actor, actor, borrowed))
        || (PyUnicode_GET_LENGTH(parent)
            && !are_equal_texts(parent, SLOT(thread, thread, last)))) {
        return 0;
    }
    found->actor = actor;
    found->count = PyTuple_GET_ITEM(clock, 1);
    int replies = has_replies(tracked, sent);
    return replies < 0 ? -1 : !replies;
}

/* Find out what is done. */
static int
find_access(Tracked *tracked, PyObject *fields, Tracking *found)
{
    PyObject *type = SLOT(fields, change, access_type), *value = SLOT(fields, change, new_value);
    if (is_text(type, "Read")) {
        found->kind = READ;
    }
    else if (is_text(type, "Write")) {
        found->kind = WRITE;
        PyObject *shared = SLOT(tracked->sdk, sdk, _shared);
        if (PyDict_GET_SIZE(shared)) {
            int is_there = PyDict_Contains(shared, SLOT(found->actor, actor, number));
            if (is_there != 0) {
                return is_there < 0 ? -1 : 0;
            }
        }
    }
    else {
        return 0;
    }
    found->value = value;
    found->has_value = value != Py_None || found->kind != READ;
    if (!PyLong_CheckExact(value) && value != Py_None && !PyBool_Check(value)
        && !PyFloat_CheckExact(value)
        && !(PyUnicode_CheckExact(value) && PyUnicode_GET_LENGTH(value) <= text_limit)) {
        return 0;
    }
    found->variable = PyDict_GetItemWithError(young_of(tracked->variables),
                                              SLOT(fields, change, variable));
    if (found->variable == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *location = SLOT(fields, change, location);
    found->site = of_pair(young_of(tracked->sites), location, function_of(found->thread, location));
    return found->site != NULL ? 1 : PyErr_Occurred() ? -1 : 0;
}

/* Find what is known of the component of a sender in the trace of its thread. */
static int
find_clocks(Tracked *tracked, PyObject *sender, Tracking *found)
{
    PyObject *trace = SLOT(found->thread, thread, trace);
    PyObject *component = SLOT(sender, sender, component);
    found->clocks = of_pair(young_of(SLOT(tracked->sdk, sdk, _clocks)), trace, component);
    if (found->clocks == NULL && !PyErr_Occurred()) {
        found->clocks = PyObject_CallMethodObjArgs(tracked->sdk, str__clock, trace, component, NULL);
        Py_XDECREF(found->clocks);  /* the table has it */
    }
    return found->clocks != NULL ? 1 : -1;
}

/* Tell whether an access of a variable that has raced often is only to be remembered; *shadow is
 * then that of its variable. */
static int
is_passed(Tracked *tracked, PyObject *access, int64_t kind, PyObject **shadow)
{
    PyObject *variable = SLOT(access, access, variable);
    PyObject *settled = PyDict_GetItemWithError(tracked->settled, variable);
    if (settled == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *site = SLOT(access, access, site);
    PyObject *place = PyLong_FromLongLong(NUMBER(site, site, number) << 4 | kind);
    PyObject *done = place == NULL ? NULL : PyTuple_Pack(2, place, SLOT(access, access, locks));
    Py_XDECREF(place);
    int is_there = done == NULL ? -1 : PySet_Contains(settled, done);
    if (is_there == 0 && PySet_GET_SIZE(settled) < settled_kept && PySet_Add(settled, done) < 0) {
        is_there = -1;
    }
    Py_XDECREF(done);
    if (is_there <= 0) {
        return is_there;
    }
    *shadow = PyDict_GetItemWithError(young_of(tracked->run.shadows), variable);
    if (*shadow == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    tracked->passed++;
    return (tracked->passed & 15) != 0;
}

/* ServerAnalyzer.access */
static int
take_access(Tracked *tracked, PyObject *access, PyObject *actor, int64_t kind)
{
    PyObject *shadow = NULL;
    int passed = is_passed(tracked, access, kind, &shadow);
    if (passed < 0) {
        return -1;
    }
    if (!passed) {
        return PyObject_SetAttr(tracked->run.detector, str_time, tracked->time) < 0
            ? -1 : analyse(&tracked->run, access, actor, kind);
    }
    tracked->run.accesses++;
    Py_INCREF(shadow);
    int result = remember_in(&tracked->run, shadow, access);
    Py_DECREF(shadow);
    return result;
}

/* EventReplay.touch */
static int
touch_variable(Tracked *tracked, PyObject *actor, Tracking *found)
{
    SET(actor, actor, last, SLOT(actor, actor, epoch));
    PyObject *kind = PyLong_FromLongLong(found->kind);
    PyObject *access = kind == NULL ? NULL
        : new_access(PyLong_FromLongLong(tracked->run.index), kind, found->variable, actor,
                     found->site);
    Py_XDECREF(kind);
    if (access == NULL) {
        return -1;
    }
    SET(access, access, value, found->value);
    SET(access, access, has_value, found->has_value ? Py_True : Py_False);
    int result = take_access(tracked, access, actor, found->kind);
    Py_DECREF(access);
    return result;
}

/* SdkEvents._remember */
static int
keep_message(Tracked *tracked, PyObject *event, PyObject *actor, Tracking *found)
{
    PyObject *message = message_of(NULL, actor);
    PyObject *known = message == NULL ? NULL : PyTuple_Pack(2, found->count, message);
    PyObject *id = SLOT(event, stored, id);
    int result = known == NULL ? -1
        : PyDict_SetItem(young_of(SLOT(tracked->sdk, sdk, _events)), id, message);
    if (result == 0) {
        SET(found->thread, thread, last, id);
        result = done_with(PyObject_CallMethodOneArg(found->clocks, str_append, known));
    }
    Py_XDECREF(known);
    Py_XDECREF(message);
    return result;
}

/* Take an event; 0 if it is left to Python. */
static int
follow_one(Tracked *tracked, PyObject *event, PyObject *sender)
{
    PyObject *events = SLOT(tracked->sdk, sdk, _events);
    if (Py_TYPE(event) != stored_type || Py_TYPE(sender) != sender_type
        || !PyObject_TypeCheck(SLOT(event, stored, event), sent_type)
        || Py_TYPE(SLOT(SLOT(event, stored, event), sent, metadata)) != metadata_type
        || SLOT(event, stored, kind) != str_StateChange
        || Py_TYPE(SLOT(event, stored, fields)) != change_type
        || PyDict_GET_SIZE(young_of(events)) >= NUMBER(events, aging, limit)) {
        return 0;
    }
    int result = enter_thread(tracked, sender);
    Tracking found = {.thread = SLOT(tracked->sdk, sdk, _thread)};
    if (result > 0) {
        result = find_actor(tracked, event, sender, &found);
    }
    if (result > 0) {
        result = find_access(tracked, SLOT(event, stored, fields), &found);
    }
    if (result > 0) {
        result = find_clocks(tracked, sender, &found);
    }
    if (result <= 0) {
        return result;
    }
    PyObject *actor = found.actor;
    tracked->run.index++;
    tracked->time = SLOT(event, stored, time);
    if (set_number(&SLOT(actor, actor, epoch), NUMBER(actor, actor, epoch) + 1) < 0
        || PyDict_SetItem(tracked->touched, SLOT(actor, actor, number), actor) < 0) {
        return -1;
    }
    /* Whatever is called may forget them. */
    Py_INCREF(actor);
    Py_INCREF(found.thread);
    Py_INCREF(found.clocks);
    Py_INCREF(found.variable);
    Py_INCREF(found.site);
    result = touch_variable(tracked, actor, &found) < 0
        || keep_message(tracked, event, actor, &found) < 0 ? -1 : 1;
    Py_DECREF(found.site);
    Py_DECREF(found.variable);
    Py_DECREF(found.clocks);
    Py_DECREF(found.thread);
    Py_DECREF(actor);
    return result;
}

static int
begin_tracked(Tracked *tracked)
{
    Run *run = &tracked->run;
    run->replay = tracked->replay;
    run->serial = UNKNOWN;
    run->inlined = 1;
    if (attribute(run->replay, str_detector, &run->detector) < 0
        || attribute(run->replay, str_actors, &run->actors) < 0
        || attribute(run->replay, str__touched, &tracked->touched) < 0
        || attribute(run->replay, str_variables, &tracked->variables) < 0
        || attribute(run->replay, str_places, &tracked->places) < 0
        || attribute(tracked->places, str_known, &tracked->sites) < 0
        || attribute(run->detector, str__settled, &tracked->settled) < 0
        || begin_analysis(run) < 0) {
        return -1;
    }
    run->index = number_of(run->replay, str_index);
    tracked->passed = number_of(run->detector, str__passed);
    return PyErr_Occurred() ? -1 : 0;
}

/* Tell the Python objects how far it got, as tell() does. */
static int
tell_tracked(Tracked *tracked)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    int result = write_number(tracked->run.detector, str__passed, tracked->passed);
    if (result == 0 && tracked->time != NULL) {
        result = PyObject_SetAttr(tracked->run.detector, str_time, tracked->time);
    }
    if (type != NULL) {
        PyErr_Restore(type, value, traceback);
    }
    return tell(&tracked->run) < 0 ? -1 : result;
}

static void
end_tracked(Tracked *tracked)
{
    Py_XDECREF(tracked->touched);
    Py_XDECREF(tracked->variables);
    Py_XDECREF(tracked->places);
    Py_XDECREF(tracked->sites);
    Py_XDECREF(tracked->settled);
    end(&tracked->run);
}

PyDoc_STRVAR(follow_doc,
"follow(sdk, waiting, start)\n--\n\n"
"Feed events from ``start`` on, as ``SdkEvents.feed`` does, and return which one it has to feed.\n\n"
"An event and its sender are the last two of each tuple in ``waiting``.");

static PyObject *
follow(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (!is_configured_for_sdk || count != 3 || Py_TYPE(args[0]) != sdk_type
        || !PyList_CheckExact(args[1])) {
        PyErr_SetString(PyExc_TypeError, "follow() takes SdkEvents, a list of events, and where to "
                        "start");
        return NULL;
    }
    Py_ssize_t at = PyLong_AsSsize_t(args[2]);
    if (at < 0) {
        return PyErr_Occurred() ? NULL : Py_NewRef(args[2]);
    }
    Tracked tracked = {.sdk = args[0], .replay = SLOT(args[0], sdk, _replay)};
    int result = begin_tracked(&tracked);
    if (result == 0) {
        for (result = 1; at < PyList_GET_SIZE(args[1]); at++) {
            PyObject *waiting = PyList_GET_ITEM(args[1], at);
            Py_ssize_t size = PyTuple_CheckExact(waiting) ? PyTuple_GET_SIZE(waiting) : 0;
            result = size < 2 ? 0 : follow_one(&tracked, PyTuple_GET_ITEM(waiting, size - 2),
                                               PyTuple_GET_ITEM(waiting, size - 1));
            if (result <= 0) {
                break;
            }
        }
        if (tell_tracked(&tracked) < 0) {
            result = -1;
        }
    }
    end_tracked(&tracked);
    return result < 0 ? NULL : PyLong_FromSsize_t(at);
}

PyDoc_STRVAR(configure_sdk_doc,
"configure_sdk(classes, analyzer, settled, settled_kept, text_limit)\n--\n\nTell what the server calls the same.");

static PyObject *
configure_sdk(PyObject *module, PyObject *args)
{
    PyObject *classes, *analyzer;
    Py_ssize_t settled;
    if (!PyArg_ParseTuple(args, "O!O!nnn:configure_sdk", &PyDict_Type, &classes, &PyType_Type,
                          &analyzer, &settled, &settled_kept, &text_limit)) {
        return NULL;
    }
    Py_XDECREF(settling_type);
    settling_type = (PyTypeObject *)Py_NewRef(analyzer);
    settled_after = settled;
    TAKE_CLASSES(SDK_CLASSES, SDK_SLOTS)
#define INTERN(name) \
    if (str_##name == NULL && (str_##name = PyUnicode_InternFromString(#name)) == NULL) { \
        return NULL; \
    }
    SDK_NAMES(INTERN)
#undef INTERN
    is_configured_for_sdk = 1;
    Py_RETURN_NONE;
}
