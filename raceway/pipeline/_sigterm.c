/* What was tracked is delivered before SIGTERM ends a process by its default action.
 *
 * raceway.pipeline.sigterm says when.  Here is how: a handler of the operating system, of which
 * Python knows nothing.  signal.getsignal() goes on to say SIG_DFL, a handler of the program that
 * comes later takes its place as it would take that of the default action, and exec resets it.
 *
 * The handler sets a timer, which sends SIGTERM once more, and posts the semaphores for which the
 * threads that send wait (Wake).  The first of them that sees it, or the main thread when it next
 * runs Python code, starts a thread that calls the function that delivers, sets the timer anew to
 * the limit, and kills the process at the end, whose exit status is that of the signal.  A second
 * SIGTERM, that of the timer or somebody else's, does so at once, whoever holds the interpreter's
 * lock.  So nobody else has to wait for the first one: until it comes there is no thread for it.
 *
 * By default nothing of the program runs after the signal.  So the main thread is held where it
 * next runs Python code (by a pending call), unless it is within code that may hold a lock which
 * delivery needs: then it is let go on for a few steps.  Other threads run on until the end.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#if PY_VERSION_HEX < 0x030B0000
#include <frameobject.h>
#endif
#include <errno.h>
#include <poll.h>
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
#if !defined(_POSIX_TIMERS) || _POSIX_TIMERS <= 0
#error "raceway.pipeline._sigterm needs timers of its own"
#endif
#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 30)
#define HAS_SEM_CLOCKWAIT
#endif
#endif

enum { QUIET, TOLD, NOTED };

#define MILLISECOND ((int64_t)1000000)  /* in nanoseconds, as all times here */
#define SECOND (1000 * MILLISECOND)
#define SLICE 1  /* milliseconds between two looks of the main thread while it is held */
#define LOOK (50 * MILLISECOND)  /* between two looks of a thread that waits for a socket */
#define LONGEST SECOND  /* after which a wait that a change of the clock may spoil is begun anew */
#define WAKES 64  /* senders that see at once what has happened */
#define DELIVERY_STACK (4 * 1024 * 1024)

/* Static, so that the handler never finds one that is no longer there. */
static struct {
    sem_t posted;
    atomic_int used;
    atomic_int raised;  /* by set(); the handler posts without it */
} wakes[WAKES];

static timer_t timer;
static atomic_int stage = QUIET;
static atomic_int owner;  /* the process whose timer that is; a forked child has none */
static atomic_int asked;  /* a pending call is on its way */
static atomic_int held;   /* the main thread is */
static _Atomic int64_t patience, limit;
static PyObject *deliver;

static int64_t
now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * SECOND + time.tv_nsec;
}

static struct timespec
as_time(int64_t nanoseconds)
{
    struct timespec time = {nanoseconds / SECOND, nanoseconds % SECOND};
    return time;
}

/* Send SIGTERM again after so long; 0: never.  Allowed in a signal handler. */
static void
set_timer(int64_t nanoseconds)
{
    struct itimerspec once = {{0, 0}, as_time(nanoseconds)};
    timer_settime(timer, 0, &once, NULL);
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

static void begin(void);
static void ask(void);

static int
hold(void *Py_UNUSED(nothing))
{
    atomic_store(&asked, 0);
    if (atomic_load(&stage) == QUIET) {
        return 0;
    }
    begin();
    if (is_needed()) {
        atomic_store(&asked, 1);
        ask();  /* this runs a few dozen times, then the program a few steps, and so on */
        return 0;
    }
    atomic_store(&held, 1);
    Py_BEGIN_ALLOW_THREADS
    while (atomic_load(&stage) != QUIET) {
        wait_for(SLICE);
    }
    Py_END_ALLOW_THREADS
    atomic_store(&held, 0);
    return 0;
}

/* Whether this thread is the one to ask. */
static int
is_to_ask(void)
{
    return !atomic_load(&held) && !atomic_exchange(&asked, 1);
}

static void
ask(void)
{
    if (Py_AddPendingCall(hold, NULL) < 0) {
        atomic_store(&asked, 0);  /* there is no room: asked again by who notices the signal */
    }
}

/* ------------------------------------------------------------ the handler and the end */

static void
die(void)
{
    sigset_t terminate, before;
    sigemptyset(&terminate);
    sigaddset(&terminate, SIGTERM);
    if (getpid() == atomic_load(&owner)) {
        set_timer(0);
    }
    restore_default(SIGTERM);
    pthread_sigmask(SIG_UNBLOCK, &terminate, &before);
    raise(SIGTERM);
    pthread_sigmask(SIG_SETMASK, &before, NULL);  /* a debugger has saved the process */
    atomic_store(&stage, QUIET);
}

/* Let delivery begin; 0 if it has already. */
static int
tell(void)
{
    /* Before 3.13 the main thread notices a pending call at once only if it asks for it itself: so
     * nobody else shall, who sees that the signal has come. */
    int asks = Py_IsInitialized() && is_to_ask(), expected = QUIET;
    if (!atomic_compare_exchange_strong(&stage, &expected, TOLD)) {
        return 0;
    }
    set_timer(atomic_load(&patience));
    for (int at = 0; at < WAKES; at++) {
        if (atomic_load(&wakes[at].used)) {
            sem_post(&wakes[at].posted);
        }
    }
    if (asks) {
        /* It takes a lock; to find that taken, the signal must come within the few instructions
         * between which this thread handles another pending call.  Even then the others have been
         * told, and the timer goes on. */
        ask();
    }
    return 1;
}

static void
on_terminate(int Py_UNUSED(number))
{
    int error = errno;
    if (getpid() != atomic_load(&owner) || !tell()) {
        die();
    }
    errno = error;
}

static void *
run_delivery(void *Py_UNUSED(nothing))
{
    PyGILState_STATE state = PyGILState_Ensure();
    set_timer(atomic_load(&limit));
    PyObject *result = deliver == NULL ? NULL : PyObject_CallNoArgs(deliver);
    Py_XDECREF(result);
    PyErr_Clear();
    PyGILState_Release(state);
    die();
    return NULL;
}

static int
start_delivery(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return 0;
    }
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, DELIVERY_STACK);
    /* No signal of the program shall find its way to a thread of ours, but for those that such a
     * thread is the cause of. */
    sigset_t all, before;
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int started = pthread_create(&thread, &attributes, run_delivery, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

/* After the signal, for whoever comes first. */
static void
begin(void)
{
    int expected = TOLD;
    if (atomic_compare_exchange_strong(&stage, &expected, NOTED) && !start_delivery()) {
        die();
    }
}

static void
notice(void)
{
    if (atomic_load(&stage) != QUIET) {
        if (is_to_ask()) {
            ask();
        }
        begin();
    }
}

/* In a forked child, in which the timer is missing. */
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

/* ------------------------------------------------------------ waiting, and noticing it meanwhile */

typedef struct {
    PyObject_HEAD
    int at;
} Wake;

static PyObject *
Wake_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *none[] = {NULL};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "", none)) {
        return NULL;
    }
    int at = 0;
    while (at < WAKES && atomic_load(&wakes[at].used)) {
        at++;
    }
    if (at == WAKES || sem_init(&wakes[at].posted, 0, 0) != 0) {
        PyErr_SetString(PyExc_OSError, "no more semaphores");
        return NULL;
    }
    Wake *self = (Wake *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->at = at;
        atomic_store(&wakes[at].raised, 0);
        atomic_store(&wakes[at].used, 1);
    }
    return (PyObject *)self;
}

static void
Wake_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    atomic_store(&wakes[((Wake *)self)->at].used, 0);
    type->tp_free(self);
    Py_DECREF(type);
}

PyDoc_STRVAR(Wake_set_doc,
"set()\n--\n\n"
"Wake the waiter, or let its next wait return at once.");

static PyObject *
Wake_set(PyObject *self, PyObject *Py_UNUSED(nothing))
{
    int at = ((Wake *)self)->at;
    if (!atomic_exchange(&wakes[at].raised, 1)) {
        sem_post(&wakes[at].posted);
    }
    Py_RETURN_NONE;
}

/* Wait for a post, but not for ever if the system has no semaphore that goes by the right clock. */
static int
wait_for_post(sem_t *posted, int64_t nanoseconds)
{
    if (nanoseconds < 0) {
        return sem_wait(posted) == 0;
    }
#ifdef HAS_SEM_CLOCKWAIT
    struct timespec end = as_time(now(CLOCK_MONOTONIC) + nanoseconds);
    return sem_clockwait(posted, CLOCK_MONOTONIC, &end) == 0;
#else
    if (nanoseconds > LONGEST) {
        nanoseconds = LONGEST;
    }
    struct timespec end = as_time(now(CLOCK_REALTIME) + nanoseconds);
    return sem_timedwait(posted, &end) == 0;
#endif
}

static int64_t
in_nanoseconds(double seconds)
{
    return seconds < 0 ? -1 : (int64_t)((seconds < 1e9 ? seconds : 1e9) * 1e9 + 0.999);
}

PyDoc_STRVAR(Wake_wait_doc,
"wait(timeout, /)\n--\n\n"
"Wait until the flag is raised, take it down again.\n\n"
"Args:\n"
"    timeout: Longest time to wait, in seconds; negative means without a limit.\n\n"
"Returns:\n"
"    False if the time ran out.");

static PyObject *
Wake_wait(PyObject *self, PyObject *timeout)
{
    int at = ((Wake *)self)->at, raised = 0;
    double seconds = PyFloat_AsDouble(timeout);
    if (seconds == -1.0 && PyErr_Occurred()) {
        return NULL;
    }
    int64_t left = in_nanoseconds(seconds);
    int64_t end = left < 0 ? -1 : now(CLOCK_MONOTONIC) + left;
    Py_BEGIN_ALLOW_THREADS
    for (;;) {
        notice();
        int posted = wait_for_post(&wakes[at].posted, left);
        raised = posted && atomic_exchange(&wakes[at].raised, 0);
        if (raised) {
            break;
        }
        if (end >= 0 && (left = end - now(CLOCK_MONOTONIC)) <= 0) {
            break;
        }
    }
    notice();
    Py_END_ALLOW_THREADS
    return PyBool_FromLong(raised);
}

static PyMethodDef Wake_methods[] = {
    {"set", Wake_set, METH_NOARGS, Wake_set_doc},
    {"wait", Wake_wait, METH_O, Wake_wait_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(Wake_doc,
"Wake()\n--\n\n"
"A flag that one thread waits for, any thread may raise, and SIGTERM does.\n\n"
"Raises:\n"
"    OSError: There are too many of them already.");

static PyType_Slot Wake_slots[] = {
    {Py_tp_doc, (void *)Wake_doc},
    {Py_tp_new, Wake_new},
    {Py_tp_dealloc, Wake_dealloc},
    {Py_tp_methods, Wake_methods},
    {0, NULL},
};

static PyType_Spec Wake_spec = {
    .name = "raceway.pipeline._sigterm.Wake",
    .basicsize = sizeof(Wake),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = Wake_slots,
};

PyDoc_STRVAR(wait_for_socket_doc,
"wait_for_socket(descriptor, writing, timeout, /)\n--\n\n"
"Wait until a socket can be read from, or written to, or has failed.\n\n"
"Args:\n"
"    descriptor: Its number.\n"
"    writing: Whether it is to be written to.\n"
"    timeout: Longest time to wait, in seconds.\n\n"
"Returns:\n"
"    False if the time ran out.");

static PyObject *
wait_for_socket(PyObject *Py_UNUSED(module), PyObject *args)
{
    struct pollfd polled = {0, 0, 0};
    int writing, ready;
    double seconds;
    if (!PyArg_ParseTuple(args, "ipd", &polled.fd, &writing, &seconds)) {
        return NULL;
    }
    polled.events = writing ? POLLOUT : POLLIN;
    int64_t end = now(CLOCK_MONOTONIC) + in_nanoseconds(seconds < 0 ? 0 : seconds);
    Py_BEGIN_ALLOW_THREADS
    for (;;) {
        int64_t left = end - now(CLOCK_MONOTONIC);
        notice();
        int64_t slice = left < 0 ? 0 : left < LOOK ? left : LOOK;
        ready = poll(&polled, 1, (int)((slice + MILLISECOND - 1) / MILLISECOND));
        if (ready > 0 || (ready < 0 && errno != EINTR) || left <= 0) {
            break;
        }
    }
    Py_END_ALLOW_THREADS
    return PyBool_FromLong(ready != 0);
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
    atomic_store(&patience, begins * MILLISECOND);
    atomic_store(&limit, takes * MILLISECOND);
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
        struct sigevent again;
        memset(&again, 0, sizeof again);
        again.sigev_notify = SIGEV_SIGNAL;
        again.sigev_signo = SIGTERM;
        if (timer_create(CLOCK_MONOTONIC, &again, &timer) != 0) {
            Py_RETURN_FALSE;
        }
        atomic_store(&owner, getpid());
    }
    memset(&action, 0, sizeof action);
    action.sa_handler = on_terminate;
    /* The second one is not to wait for the end of the handler. */
    action.sa_flags = SA_RESTART | SA_ONSTACK | SA_NODEFER;
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
    {"wait_for_socket", wait_for_socket, METH_VARARGS, wait_for_socket_doc},
    {NULL, NULL, 0, NULL},
};

static int
module_exec(PyObject *module)
{
    static int done;
    PyObject *type = PyType_FromSpec(&Wake_spec);
    int added = type == NULL ? -1 : PyModule_AddObjectRef(module, "Wake", type);
    Py_XDECREF(type);
    if (added < 0) {
        return -1;
    }
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
