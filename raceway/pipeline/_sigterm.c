/* What was tracked is delivered before SIGTERM ends a process by its default action.
 *
 * raceway.pipeline.sigterm says when.  Here is how: a handler of the operating system, of which
 * Python knows nothing.  signal.getsignal() goes on to say SIG_DFL, a handler of the program that
 * comes later takes its place as it would take that of the default action, and exec resets it.
 *
 * The handler posts a semaphore.  A thread without Python, the guard, waits for that, lets another
 * thread call the function that delivers, and waits for it, but not longer than the limit, whoever
 * holds the interpreter's lock meanwhile.  Then it restores the default action and kills the
 * process, whose exit status is that of the signal.  A second SIGTERM does so at once.
 *
 * By default nothing of the program runs after the signal.  So the main thread is held where it
 * next runs Python code (by a pending call), unless it is within code that may hold a lock which
 * delivery needs: then it is let go on for a millisecond.  Other threads run on until the end.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#if PY_VERSION_HEX < 0x030B0000
#include <frameobject.h>
#endif
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#ifdef Py_GIL_DISABLED
/* The interpreter's lock is what keeps arm() and signal.signal() apart. */
#error "raceway.pipeline._sigterm has not been tried without a GIL"
#endif
#if !defined(_POSIX_SEMAPHORES) || _POSIX_SEMAPHORES <= 0
#error "raceway.pipeline._sigterm needs semaphores that a signal handler may post"
#endif

enum { QUIET, TOLD, NOTED, DELIVERED };

#define SLICE 1           /* milliseconds between two looks at what has happened */
#define NOTE_WITHIN 20    /* milliseconds that the handler waits for the guard */
#define SURVIVED 1000     /* milliseconds after which the process has been saved by a debugger */
#define GUARD_STACK (128 * 1024)
#define DELIVERY_STACK (4 * 1024 * 1024)

static sem_t told;
static atomic_int stage = QUIET;
static atomic_int owner;  /* the process whose guard is there; a forked child has none */
static atomic_int asked;  /* a pending call is on its way */
static atomic_int held;   /* the main thread is */
static _Atomic int64_t deadline;
static _Atomic int64_t patience, limit;
static PyObject *deliver;

static int64_t
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Of the functions that wait this one is allowed in a signal handler. */
static void
wait_for(int milliseconds)
{
    struct timeval time = {milliseconds / 1000, milliseconds % 1000 * 1000};
    select(0, NULL, NULL, NULL, &time);
}

static void
restore_default(int number)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

static void on_terminate(int number);

static int
is_in_place(const struct sigaction *action)
{
    return !(action->sa_flags & SA_SIGINFO) && action->sa_handler == on_terminate;
}

/* ------------------------------------------------------------ the main thread */

static int
begins_with(PyObject *text, const char *prefix)
{
    const char *characters = text == NULL || !PyUnicode_Check(text) ? NULL : PyUnicode_AsUTF8(text);
    return characters != NULL && strncmp(characters, prefix, strlen(prefix)) == 0;
}

static PyObject *
module_of(PyFrameObject *frame)
{
#if PY_VERSION_HEX >= 0x030B0000
    PyObject *globals = PyFrame_GetGlobals(frame);
#else
    PyObject *globals = Py_NewRef(frame->f_globals);
#endif
    PyObject *name = globals == NULL ? NULL : PyDict_GetItemString(globals, "__name__");
    Py_XINCREF(name);
    Py_XDECREF(globals);
    return name;
}

static const char *with_locks[] = {
    "raceway.pipeline.buffer", "raceway.pipeline.sender", "raceway.pipeline.spool",
    "raceway.pipeline.sigterm", "raceway.pipeline.processes", "logging",
};

static int
has_locks(PyObject *module)
{
    for (size_t at = 0; at < sizeof with_locks / sizeof *with_locks; at++) {
        if (begins_with(module, with_locks[at])) {
            return 1;
        }
    }
    return 0;
}

/* Whether the thread may hold a lock that delivery needs: one of the above, or, in the middle of an
 * import, that of all imports. */
static int
is_needed(void)
{
    int needed = 0, innermost = 1;
    PyFrameObject *frame = PyEval_GetFrame();
    Py_XINCREF(frame);
    while (frame != NULL && !needed) {
        PyObject *module = module_of(frame);
        needed = has_locks(module) || (innermost && (begins_with(module, "importlib.")
                           || begins_with(module, "_frozen_importlib")));
        Py_XDECREF(module);
        PyFrameObject *back = PyFrame_GetBack(frame);
        Py_DECREF(frame);
        frame = back;
        innermost = 0;
    }
    Py_XDECREF(frame);
    PyErr_Clear();
    return needed;
}

static int
hold(void *Py_UNUSED(nothing))
{
    if (atomic_load(&stage) != QUIET && !is_needed()) {
        atomic_store(&held, 1);
        Py_BEGIN_ALLOW_THREADS
        while (atomic_load(&stage) != QUIET) {
            wait_for(SLICE);
        }
        Py_END_ALLOW_THREADS
        atomic_store(&held, 0);
    }
    atomic_store(&asked, 0);
    return 0;
}

static void
ask_to_hold(void)
{
    if (!atomic_load(&held) && !atomic_exchange(&asked, 1) && Py_AddPendingCall(hold, NULL) < 0) {
        atomic_store(&asked, 0);  /* there is no room: asked again in a millisecond */
    }
}

/* ------------------------------------------------------------ the handler and the guard */

static void
on_terminate(int number)
{
    int error = errno, expected = QUIET;
    if (getpid() != atomic_load(&owner)
        || !atomic_compare_exchange_strong(&stage, &expected, TOLD)) {
        restore_default(number);
        kill(getpid(), number);
    }
    else {
        /* Before 3.13 a pending call is noticed at once only if the main thread asks for it. (It
         * takes a lock; to find that taken, the signal must come within the few instructions
         * between which this thread handles another pending call. Even then the guard goes on.) */
        if (PyGILState_Check()) {
            ask_to_hold();
        }
        sem_post(&told);
        for (int waited = 0; waited < NOTE_WITHIN && !atomic_load(&asked) && !atomic_load(&held)
                 && atomic_load(&stage) == TOLD; waited += SLICE) {
            wait_for(SLICE);  /* until the guard has asked */
        }
    }
    errno = error;
}

static void *
run_delivery(void *Py_UNUSED(nothing))
{
    PyGILState_STATE state = PyGILState_Ensure();
    atomic_store(&deadline, now() + atomic_load(&limit));
    PyObject *result = deliver == NULL ? NULL : PyObject_CallNoArgs(deliver);
    Py_XDECREF(result);
    PyErr_Clear();
    atomic_store(&stage, DELIVERED);
    PyGILState_Release(state);
    return NULL;
}

static int
start(void *(*run)(void *), size_t stack)
{
    pthread_t thread;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return 0;
    }
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, stack);
    /* No signal of the program shall find its way to a thread of ours, but for those that such a
     * thread is the cause of. */
    sigset_t all, before;
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int started = pthread_create(&thread, &attributes, run, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

static void
die(void)
{
    sigset_t terminate;
    sigemptyset(&terminate);
    sigaddset(&terminate, SIGTERM);
    restore_default(SIGTERM);
    pthread_sigmask(SIG_UNBLOCK, &terminate, NULL);
    kill(getpid(), SIGTERM);
    wait_for(SURVIVED);
    pthread_sigmask(SIG_BLOCK, &terminate, NULL);
    atomic_store(&stage, QUIET);
}

static void *
guard(void *Py_UNUSED(nothing))
{
    for (;;) {
        while (sem_wait(&told) != 0) {
        }
        ask_to_hold();
        atomic_store(&deadline, now() + atomic_load(&patience));
        atomic_store(&stage, NOTED);
        if (start(run_delivery, DELIVERY_STACK)) {
            while (atomic_load(&stage) != DELIVERED && now() < atomic_load(&deadline)) {
                wait_for(SLICE);
                ask_to_hold();
            }
        }
        die();
    }
    return NULL;
}

/* In a forked child, in which the guard is missing. */
static void
forget(void)
{
    struct sigaction action;
    atomic_store(&owner, 0);
    atomic_store(&stage, QUIET);
    atomic_store(&asked, 0);
    atomic_store(&held, 0);
    if (sigaction(SIGTERM, NULL, &action) == 0 && is_in_place(&action)) {
        restore_default(SIGTERM);
    }
}

/* ------------------------------------------------------------ for Python */

PyDoc_STRVAR(arm_doc,
"arm(deliver, patience, limit, /)\n--\n\n"
"Call ``deliver`` before SIGTERM ends this process, if its action is the default one.\n\n"
"Args:\n"
"    deliver: What is called, in a thread of its own.\n"
"    patience: Milliseconds within which that must begin.\n"
"    limit: Milliseconds that it may take.\n\n"
"Returns:\n"
"    Whether the handler is in place.");

static PyObject *
arm(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *function;
    long long begins, takes;
    struct sigaction action;
    if (!PyArg_ParseTuple(args, "OLL", &function, &begins, &takes)) {
        return NULL;
    }
    /* For a process of this number the default action is to go on. */
    if (getpid() == 1 || PyInterpreterState_Get() != PyInterpreterState_Main()) {
        Py_RETURN_FALSE;
    }
    Py_INCREF(function);
    Py_XSETREF(deliver, function);
    atomic_store(&patience, begins);
    atomic_store(&limit, takes);
    if (sigaction(SIGTERM, NULL, &action) != 0) {
        Py_RETURN_FALSE;
    }
    if (is_in_place(&action)) {
        Py_RETURN_TRUE;
    }
    if ((action.sa_flags & SA_SIGINFO) || action.sa_handler != SIG_DFL) {
        Py_RETURN_FALSE;
    }
    if (atomic_load(&owner) != getpid()) {
        if (sem_init(&told, 0, 0) != 0 || !start(guard, GUARD_STACK)) {
            Py_RETURN_FALSE;
        }
        atomic_store(&owner, getpid());
    }
    memset(&action, 0, sizeof action);
    action.sa_handler = on_terminate;
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    return PyBool_FromLong(sigaction(SIGTERM, &action, NULL) == 0);
}

PyDoc_STRVAR(disarm_doc,
"disarm()\n--\n\n"
"Leave SIGTERM to its default action again, unless the program has chosen another.");

static PyObject *
disarm(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(nothing))
{
    struct sigaction action;
    if (sigaction(SIGTERM, NULL, &action) == 0 && is_in_place(&action)) {
        restore_default(SIGTERM);
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"arm", arm, METH_VARARGS, arm_doc},
    {"disarm", disarm, METH_NOARGS, disarm_doc},
    {NULL, NULL, 0, NULL},
};

static int
module_exec(PyObject *Py_UNUSED(module))
{
    static int done;
    if (!done && pthread_atfork(NULL, NULL, forget) != 0) {
        PyErr_SetString(PyExc_OSError, "no room for a fork handler");
        return -1;
    }
    done = 1;
    return 0;
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
    .m_name = "raceway.pipeline._sigterm",
    .m_doc = "What was tracked is delivered before SIGTERM ends a process.",
    .m_size = 0,
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__sigterm(void)
{
    return PyModuleDef_Init(&definition);
}
