/* The locks of _thread, taken and given back without a call, if that can be done at once.
 *
 * Their layout has been the same from Python 3.10 to 3.13.  find_raw_locks() tries it out on locks of
 * its own, and what does not behave as expected is left to the methods.
 */

#ifndef RACEWAY_RAW_LOCKS_H
#define RACEWAY_RAW_LOCKS_H

#if PY_VERSION_HEX >= 0x030D0000
#include "internal/pycore_pythread.h"
#endif

/* PyThread_acquire_lock() asks for the time, also when it is not going to wait.  Where its locks are
 * semaphores, as pythread.c decides it, this is half of what it takes. */
#if defined(HAVE_SEM_CLOCKWAIT) || defined(HAVE_SEM_TIMEDWAIT)
#include <unistd.h>
#endif
#if defined(_POSIX_SEMAPHORES) && (_POSIX_SEMAPHORES + 0) != -1 \
    && !defined(HAVE_BROKEN_POSIX_SEMAPHORES)
#define LOCKS_ARE_SEMAPHORES
#include <semaphore.h>
#endif

static int are_semaphores;

static inline int
try_lock(PyThread_type_lock lock)
{
#ifdef LOCKS_ARE_SEMAPHORES
    if (are_semaphores) {
        return sem_trywait((sem_t *)lock) == 0;
    }
#endif
    return PyThread_acquire_lock(lock, NOWAIT_LOCK);
}

/* Whether a lock is a semaphore with this value, as far as that can be told. */
static int
has_value(PyThread_type_lock lock, int expected)
{
#ifdef LOCKS_ARE_SEMAPHORES
    int value = -1;
    return sem_getvalue((sem_t *)lock, &value) == 0 && value == expected;
#else
    return 0;
#endif
}

typedef struct {
    PyObject_HEAD
    PyThread_type_lock lock;
    PyObject *weakrefs;
    char locked;
} RawLock;

#if PY_VERSION_HEX >= 0x030D0000
typedef PyThread_ident_t Owner;
#else
typedef unsigned long Owner;
#endif

typedef struct {
    PyObject_HEAD
    PyThread_type_lock lock;
    Owner owner;
    unsigned long count;
    PyObject *weakrefs;
} RawRLock;

static PyTypeObject *lock_type, *rlock_type; /* NULL: not known */

static inline int
is_known_lock(PyObject *lock)
{
    return Py_TYPE(lock) == lock_type || Py_TYPE(lock) == rlock_type;
}

static inline Owner
this_thread(void)
{
#if PY_VERSION_HEX >= 0x030D0000
    return PyThread_get_thread_ident_ex();
#else
    return PyThread_get_thread_ident();
#endif
}

static inline int
raw_is_held(PyObject *lock)
{
    if (Py_TYPE(lock) == lock_type) {
        return ((RawLock *)lock)->locked;
    }
    return ((RawRLock *)lock)->count > 0 && ((RawRLock *)lock)->owner == this_thread();
}

/* Take a lock if nobody has to be waited for. */
static inline int
take_raw(PyObject *lock)
{
    if (Py_TYPE(lock) == lock_type) {
        RawLock *raw = (RawLock *)lock;
        return try_lock(raw->lock) && (raw->locked = 1);
    }
    RawRLock *raw = (RawRLock *)lock;
    if (raw->count > 0 && raw->owner == this_thread()) {
        return raw->count < ULONG_MAX && ++raw->count;
    }
    if (!try_lock(raw->lock)) {
        return 0;
    }
    raw->owner = this_thread();
    raw->count = 1;
    return 1;
}

/* Give a lock back; 0 if that is an error. */
static inline int
give_raw(PyObject *lock)
{
    if (!raw_is_held(lock)) {
        return 0;
    }
    if (Py_TYPE(lock) == lock_type) {
        RawLock *raw = (RawLock *)lock;
        PyThread_release_lock(raw->lock);
        raw->locked = 0;
        return 1;
    }
    RawRLock *raw = (RawRLock *)lock;
    if (--raw->count == 0) {
        raw->owner = 0;
        PyThread_release_lock(raw->lock);
    }
    return 1;
}

static int
calls(PyObject *object, const char *method)
{
    PyObject *result = PyObject_CallMethod(object, method, NULL);
    Py_XDECREF(result);
    return result != NULL;
}

static int
is_as_expected(PyObject *lock)
{
    RawLock *raw = (RawLock *)lock;
    return strcmp(Py_TYPE(lock)->tp_name, "_thread.lock") == 0
        && Py_TYPE(lock)->tp_basicsize == sizeof(RawLock)
        && !raw->locked && raw->weakrefs == NULL && calls(lock, "acquire") && raw->locked == 1
        && !PyThread_acquire_lock(raw->lock, NOWAIT_LOCK)
        && calls(lock, "release") && !raw->locked
        && PyThread_acquire_lock(raw->lock, NOWAIT_LOCK)
        && (PyThread_release_lock(raw->lock), 1);
}

static int
is_as_expected_too(PyObject *lock)
{
    RawRLock *raw = (RawRLock *)lock;
    return strcmp(Py_TYPE(lock)->tp_name, "_thread.RLock") == 0
        && Py_TYPE(lock)->tp_basicsize == sizeof(RawRLock)
        && raw->count == 0 && raw->owner == 0 && raw->weakrefs == NULL
        && calls(lock, "acquire") && calls(lock, "acquire") && raw->count == 2
        && raw->owner == this_thread() && !PyThread_acquire_lock(raw->lock, NOWAIT_LOCK)
        && calls(lock, "release") && raw->count == 1 && calls(lock, "release") && raw->count == 0
        && raw->owner == 0 && PyThread_acquire_lock(raw->lock, NOWAIT_LOCK)
        && (PyThread_release_lock(raw->lock), 1);
}

/* Find out whether the locks are as described above; never fails. */
static void
find_raw_locks(void)
{
    PyObject *module = PyImport_ImportModule("_thread");
    PyObject *lock = module == NULL ? NULL : PyObject_CallMethod(module, "allocate_lock", NULL);
    if (lock != NULL && is_as_expected(lock)) {
        lock_type = (PyTypeObject *)Py_NewRef((PyObject *)Py_TYPE(lock));
        PyThread_type_lock raw = ((RawLock *)lock)->lock;
        int is_free = has_value(raw, 1), is_taken = 0;
        if (PyThread_acquire_lock(raw, NOWAIT_LOCK)) {
            is_taken = has_value(raw, 0);
            PyThread_release_lock(raw);
        }
        are_semaphores = is_free && is_taken && has_value(raw, 1);
        PyObject *rlock = PyObject_CallMethod(module, "RLock", NULL);
        if (rlock != NULL && is_as_expected_too(rlock)) {
            rlock_type = (PyTypeObject *)Py_NewRef((PyObject *)Py_TYPE(rlock));
        }
        Py_XDECREF(rlock);
    }
    Py_XDECREF(lock);
    Py_XDECREF(module);
    PyErr_Clear();
}

#endif
