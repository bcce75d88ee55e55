/* The join of two vector clocks, in C: what a history of thousands of actors spends its time with.
 *
 * raceway.model.clocks is the reference.  Nothing here runs code of Python: the keys of a clock are
 * ints or pairs of ints.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Set `key` to `value` unless the clock knows it; -1 on failure. */
static int
learn(PyObject *clock, PyObject *key, PyObject *value)
{
    PyObject *known = PyDict_GetItemWithError(clock, key); /* borrowed */
    if (known == value) {
        return 0;
    }
    if (known == NULL) {
        return PyErr_Occurred() ? -1 : PyDict_SetItem(clock, key, value);
    }
    long long mine = PyLong_AsLongLong(known), other = PyLong_AsLongLong(value);
    if (PyErr_Occurred()) {
        return -1;
    }
    return mine < other ? PyDict_SetItem(clock, key, value) : 0;
}

/* Tell whether the clock knows that epoch of the key; -1 on failure. */
static int
knows(PyObject *clock, PyObject *key, PyObject *value)
{
    PyObject *known = PyDict_GetItemWithError(clock, key); /* borrowed */
    if (known == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    if (known == value) {
        return 1;
    }
    long long mine = PyLong_AsLongLong(known), other = PyLong_AsLongLong(value);
    return PyErr_Occurred() ? -1 : mine >= other;
}

static PyObject *
merged_with(PyObject *copied, PyObject *other, PyObject *key, PyObject *value)
{
    PyObject *merged = PyDict_Copy(copied);
    if (merged == NULL) {
        return NULL;
    }
    if (key != NULL && learn(merged, key, value) < 0) {
        Py_DECREF(merged);
        return NULL;
    }
    Py_ssize_t at = 0;
    while (PyDict_Next(other, &at, &key, &value)) {
        if (learn(merged, key, value) < 0) {
            Py_DECREF(merged);
            return NULL;
        }
    }
    return merged;
}

static int
are_clocks(PyObject *one, PyObject *two)
{
    if (PyDict_CheckExact(one) && PyDict_CheckExact(two)) {
        return 1;
    }
    PyErr_SetString(PyExc_TypeError, "a clock is a dict");
    return 0;
}

static PyObject *
either(PyObject *one, PyObject *two)
{
    if (one == two) {
        Py_INCREF(one);
        return one;
    }
    if (PyDict_GET_SIZE(one) < PyDict_GET_SIZE(two)) {
        PyObject *smaller = one;
        one = two;
        two = smaller;
    }
    Py_ssize_t at = 0;
    PyObject *key, *value;
    while (PyDict_Next(two, &at, &key, &value)) {
        int known = knows(one, key, value);
        if (known < 0) {
            return NULL;
        }
        if (!known) {
            return merged_with(one, two, NULL, NULL);
        }
    }
    Py_INCREF(one);
    return one;
}

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
    return are_clocks(args[0], args[1]) ? either(args[0], args[1]) : NULL;
}

PyDoc_STRVAR(join_doc,
"join(clock, other, actor, epoch)\n--\n\n"
"Return the least clock that knows ``clock``, ``other`` and ``epoch`` of ``actor``.");

static PyObject *
join(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 4) {
        PyErr_SetString(PyExc_TypeError, "join() takes clock, other, actor and epoch");
        return NULL;
    }
    PyObject *clock = args[0], *other = args[1], *actor = args[2], *epoch = args[3];
    if (!are_clocks(clock, other)) {
        return NULL;
    }
    if (actor == Py_None) {
        return either(clock, other);
    }
    int known = knows(clock, actor, epoch);
    if (known != 0) {
        if (known < 0) {
            return NULL;
        }
        Py_INCREF(clock);
        return clock;
    }
    if (PyDict_GET_SIZE(other) > PyDict_GET_SIZE(clock)) {
        return merged_with(other, clock, actor, epoch);
    }
    return merged_with(clock, other, actor, epoch);
}

static PyMethodDef methods[] = {
    {"join", (PyCFunction)(void (*)(void))join, METH_FASTCALL, join_doc},
    {"known_by_either", (PyCFunction)(void (*)(void))known_by_either, METH_FASTCALL,
     known_by_either_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "raceway.model._clocks",
    .m_doc = "The join of two vector clocks, in C.",
    .m_size = 0,
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__clocks(void)
{
    return PyModuleDef_Init(&definition);
}
