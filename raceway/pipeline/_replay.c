/* The innermost loop of the analysis: from ops to accesses that have been looked at.
 *
 * Replay.feed and Analyzer.access, with what they call for each access, are the reference; this is
 * the same, statement by statement, for what is frequent.  What is rare is called in Python: the first
 * time that a place or a variable is seen, synchronisation, and everything that may be a finding.
 *
 * The objects are those of the Python code.  Their classes have slots, and a slot is a pointer at a
 * place that is the same in all objects of the class, so they are read and written directly.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#include <stddef.h>
#include <stdint.h>

#ifdef Py_GIL_DISABLED
#error "raceway.pipeline._replay has not been tried without a GIL"
#endif

#define STRIDE 4
#define UNKNOWN (-1)

/* ------------------------------------------------------------------ what Python told us */

/* Classes, and those of their slots that are used here. */
#define CLASSES(X) \
    X(access) X(actor) X(trail) X(shadow) X(sequence) X(site) X(stack) X(pair) X(held) X(guard) \
    X(conflicts) X(done) X(aging) X(message) X(violation) X(race)

#define SLOTS(X) \
    X(access, actor) X(access, base) X(access, borrowed) X(access, epoch) X(access, full) \
    X(access, hard) X(access, has_value) X(access, held) X(access, index) X(access, kind) \
    X(access, locks) X(access, restores) X(access, sections) X(access, segment) X(access, site) \
    X(access, type_name) X(access, unchanged) X(access, update_of) X(access, value) \
    X(access, variable) X(access, waits) \
    X(actor, number) X(actor, epoch) X(actor, last) X(actor, held) X(actor, borrowed) \
    X(actor, base) X(actor, hard) X(actor, full) X(actor, locks) X(actor, sections) \
    X(actor, segment) X(actor, waits) X(actor, stack) X(actor, stack_open) X(actor, group) \
    X(actor, kind) X(actor, origin) X(actor, latest) X(actor, begun) X(actor, life) X(actor, worker) X(actor, turn) \
    X(trail, actor) X(trail, epoch) X(trail, kinds) X(trail, locks) X(trail, plain) \
    X(trail, index) X(trail, places) X(trail, others) X(trail, raced) X(trail, firsts) X(trail, covered) \
    X(trail, sequences) \
    X(shadow, by_hand) X(shadow, container) X(shadow, flagged) X(shadow, group) X(shadow, has_value) X(shadow, item_kinds) \
    X(shadow, item_trails) X(shadow, kinds) X(shadow, last) X(shadow, limit) X(shadow, linked) X(shadow, number) X(shadow, plain) \
    X(shadow, sequenced) X(shadow, shared) X(shadow, since) X(shadow, switched) X(shadow, trails) \
    X(shadow, value) X(shadow, written) \
    X(sequence, at_once) X(sequence, broken_by_write) X(sequence, claims) X(sequence, first) \
    X(sequence, locks) X(sequence, rechecks) X(sequence, second) X(sequence, sections) \
    X(sequence, takes) X(sequence, unharmed_by) \
    X(site, number) X(site, flags) X(site, frames) X(site, sets) X(stack, sites) \
    X(pair, adds) X(pair, crosses) X(pair, first) X(pair, first_empties) X(pair, is_tested) \
    X(pair, past) X(pair, pattern) X(pair, rechecks) X(pair, second_empties) X(pair, unharmed_by) \
    X(held, actor) X(held, count) X(held, done) X(held, end) X(held, guard) X(held, leaked) \
    X(held, lent) X(held, lock) X(held, passive) X(held, segment) X(held, serial) X(held, site) \
    X(held, start) X(held, under) \
    X(guard, active) X(guard, alone) X(guard, conflicts) X(guard, hard) X(guard, holder) \
    X(guard, last) X(guard, passive) X(guard, signal) X(guard, told) X(guard, waited) X(conflicts, older) X(conflicts, _variables) \
    X(done, wrote) X(done, grew) X(done, read) X(aging, limit) X(aging, old) X(aging, young) \
    X(message, actor) X(message, base) X(message, epoch) X(message, full) X(message, hard) \
    X(message, life) X(message, open) X(message, origin) \
    X(violation, between) X(violation, last) X(violation, observed) \
    X(race, count) X(race, last)

/* What else is called or compared with. */
#define THINGS(X) \
    X(analyzer) X(join) X(learn_causally) X(replay) X(judge) X(excluded) \
    X(trails_begun) X(R_W_W) X(TAKEN) X(R_W_R) X(W_W_R) X(W_R_W)

#define NAMES(X) \
    X(_appears) X(_begin) X(_handlers) X(_keep_item) \
    X(_keep_other) X(_lend) X(_locks) X(_locks_in_c) X(_new_site) X(_no_callers) X(_note_conflict) \
    X(_raced) X(_receive_remotely) X(_serial) X(_shadow) X(_sleeps) X(_stacks) X(_touched) X(_trails) X(_value) X(_violated) \
    X(access) X(accesses) X(actors) X(detector) X(flags) X(follow) X(get) X(index) X(is_past) X(is_recheck) \
    X(is_superseded) X(matters) \
    X(isdisjoint) X(keep) X(keep_sequence) X(known) X(meet) X(of) X(pairs) X(races) X(shadows) X(violations)

#define DECLARE(name) static PyTypeObject *name##_type;
CLASSES(DECLARE)
#undef DECLARE
#define DECLARE(class, name) static Py_ssize_t class##__##name;
SLOTS(DECLARE)
#undef DECLARE
#define DECLARE(name) static PyObject *the_##name;
THINGS(DECLARE)
#undef DECLARE
#define DECLARE(name) static PyObject *str_##name;
NAMES(DECLARE)
#undef DECLARE

static PyObject *no_tuple, *no_text, *no_locks, *zero;
static int64_t racing_kinds[8], item_racing_kinds[8], kinds_with_whole[8], kinds_with_items[8];
static int64_t bits_of_kind[8];
static int is_configured;

enum { READ, WRITE, UPDATE, GROW, LENGTH, ITERATE, SCAN, STEP, VALUE, FRAME,
       ACQUIRE, TRY_ACQUIRE, RELEASE,
       LAST_ACCESS = STEP, REMOTE_RECEIVE = 26, TIME = 28 };
#define OP_BITS 5
#define OP_MASK 31
#define EPOCH_BITS 40
#define EPOCH_MASK (((int64_t)1 << EPOCH_BITS) - 1)
#define WRITING (1 << WRITE | 1 << UPDATE | 1 << GROW)
#define READING (1 << READ | 1 << LENGTH | 1 << ITERATE | 1 << SCAN | 1 << STEP)
#define WRITE_BIT 2
#define GROW_BIT 4
#define ACTORS_KEPT 64
#define PLACES_KEPT 32
#define PLACE_BITS 40

typedef int64_t (*EpochOf)(PyObject *, uint64_t);
static EpochOf epoch_of;
static PyTypeObject *clock_type;

/* ------------------------------------------------------------------ slots */

#define SLOT(object, class, name) (*(PyObject **)((char *)(object) + class##__##name))

static inline void
store(PyObject **slot, PyObject *value)
{
    PyObject *before = *slot;
    Py_INCREF(value);
    *slot = value;
    Py_XDECREF(before);
}

static inline void
store_new(PyObject **slot, PyObject *value)
{
    PyObject *before = *slot;
    *slot = value;
    Py_XDECREF(before);
}

#define SET(object, class, name, value) store(&SLOT(object, class, name), value)

static inline int64_t
number_in(PyObject *number)
{
    return PyLong_AsLongLong(number);  /* nothing that is asked here is as long as that */
}

#define NUMBER(object, class, name) number_in(SLOT(object, class, name))

static inline int
set_number(PyObject **slot, int64_t value)
{
    PyObject *made = PyLong_FromLongLong(value);
    if (made == NULL) {
        return -1;
    }
    store_new(slot, made);
    return 0;
}

static inline int
same_number(PyObject *one, PyObject *two)
{
    return one == two
        || (one != Py_None && two != Py_None && number_in(one) == number_in(two));
}

static inline int
is_empty_set(PyObject *set)
{
    return PySet_GET_SIZE(set) == 0;
}

/* Return 1, 0 or -1. */
static int
are_disjoint(PyObject *one, PyObject *two)
{
    if (is_empty_set(one) || is_empty_set(two)) {
        return 1;
    }
    if (one == two) {
        return 0;
    }
    PyObject *answer = PyObject_CallMethodOneArg(one, str_isdisjoint, two);
    if (answer == NULL) {
        return -1;
    }
    Py_DECREF(answer);
    return answer == Py_True;
}

static int
are_equal_sets(PyObject *one, PyObject *two)
{
    if (one == two || (is_empty_set(one) && is_empty_set(two))) {
        return 1;
    }
    return PyObject_RichCompareBool(one, two, Py_EQ);
}

/* Let a slot hold what it has in common with another set. */
static int
keep_common(PyObject **slot, PyObject *other)
{
    if (*slot == other || is_empty_set(*slot)) {
        return 0;
    }
    PyObject *common = PyNumber_And(*slot, other);
    if (common == NULL) {
        return -1;
    }
    store_new(slot, common);
    return 0;
}

static inline int64_t
known(PyObject *clock, PyObject *number)
{
    if (Py_IS_TYPE(clock, clock_type)) {
        return epoch_of(clock, (uint64_t)number_in(number));
    }
    PyObject *epoch = PyObject_CallMethodOneArg(clock, str_get, number);
    int64_t found = epoch == NULL || epoch == Py_None ? -1 : number_in(epoch);
    Py_XDECREF(epoch);
    return found;
}

static inline int
is_own_call(PyObject *actor)
{
    return PyUnicode_CompareWithASCIIString(SLOT(actor, actor, kind), "call") == 0;
}

static inline int
is_plain(PyObject *access)
{
    return PyTuple_GET_SIZE(SLOT(access, access, borrowed)) == 0
        && !is_own_call(SLOT(access, access, actor));
}

static inline int64_t
kind_of(PyObject *access)
{
    return NUMBER(access, access, kind);
}

static inline int64_t
index_of(PyObject *access)
{
    return NUMBER(access, access, index);
}

/* ------------------------------------------------------------------ objects of a few classes */

/* Of these one is made for each op or two, and mostly released soon: their memory is kept for the
 * next one, and the slots are let go of without asking the class where they are. */
#define SHORT_LIVED(X) X(access) X(held) X(message) X(sequence) X(trail)
#define SPARE 256

typedef struct {
    PyTypeObject *type;
    Py_ssize_t count;
    PyObject *objects[SPARE];
} Spare;

#define COUNT(name) name##_spare,
enum { SHORT_LIVED(COUNT) SPARES };
#undef COUNT
static Spare spares[SPARES];

static inline Spare *
spare_of(PyTypeObject *type)
{
    for (int at = 0; at < SPARES; at++) {
        if (spares[at].type == type) {
            return &spares[at];
        }
    }
    return NULL;  /* of a class that is derived from one of them */
}

static void
release_slots(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, release_slots)
    PyObject **slot = (PyObject **)(self + 1);
    PyObject **end = (PyObject **)((char *)self + type->tp_basicsize);
    for (; slot < end; slot++) {
        Py_CLEAR(*slot);
    }
    Spare *spare = spare_of(type);
    if (spare != NULL && spare->count < SPARE) {
        spare->objects[spare->count++] = self;
    }
    else {
        PyObject_GC_Del(self);
    }
    Py_DECREF(type);
    Py_TRASHCAN_END
}

/* Return a new object whose slots are empty. */
static inline PyObject *
made_of(int class)
{
    Spare *spare = &spares[class];
    if (spare->count == 0) {
        return spare->type->tp_alloc(spare->type, 0);
    }
    PyObject *made = PyObject_Init(spare->objects[--spare->count], spare->type);
    PyObject_GC_Track(made);
    return made;
}

/* Take a class; its objects are released as all others if they have more than slots. */
static void
use_spares(int class, PyTypeObject *type, PyTypeObject *base)
{
    PyObject *names = PyObject_GetAttrString((PyObject *)type, "__slots__");
    Py_ssize_t slots = names == NULL ? -1 : PyObject_Length(names);
    Py_XDECREF(names);
    PyErr_Clear();
    while (spares[class].count) {
        PyObject_GC_Del(spares[class].objects[--spares[class].count]);
    }
    spares[class].type = type;
    if (type->tp_dictoffset == 0 && type->tp_weaklistoffset == 0 && type->tp_itemsize == 0
        && base->tp_basicsize + slots * (Py_ssize_t)sizeof(PyObject *) == type->tp_basicsize) {
        type->tp_dealloc = release_slots;
    }
}

/* ------------------------------------------------------------------ the analysis of one access */

/* Where a site was found the last time: sites and stacks stay as long as their replay. */
#define REMEMBERED_BITS 8
#define REMEMBERED (1 << REMEMBERED_BITS)

typedef struct {
    PyObject *stack, *site;
    int64_t code, offset;
} Found;

/* The evidence that was looked for the last time; all borrowed, as long as nothing changes. */
typedef struct {
    PyObject *first, *second, *other;  /* sites; no other one for a race */
    PyObject *first_kind, *second_kind, *variable;
    PyObject *evidence;  /* or NULL */
    int64_t changes;
} Sought;

/* The class of analyzers that only count the races of a place once they have seen so many, or NULL. */
static PyTypeObject *settling_type;
static int64_t settled_after;

typedef struct {
    PyObject *replay, *detector;
    Found *found;  /* REMEMBERED of them */
    int inlined;  /* the detector is an Analyzer */
    int takes_locks;  /* nobody wants to see that locks are taken and released */
    PyObject *actors, *stacks, *no_callers, *handlers, *locks;
    int64_t serial;  /* of the last critical section, or UNKNOWN: Python code has counted on */
    PyObject *touched, *shadows, *pairs, *known_pairs, *matters, *raced, *violated, *flags;
    PyObject *violations, *races;
    Sought sought;
    int settles;  /* the detector is of settling_type */
    int64_t index, accesses;
} Run;

typedef struct {
    PyObject *access, *actor, *number, *locks, *key;  /* key: its place */
    int64_t kind;
    int plain;
} New;

/* Counts what may have changed more than the accesses and sections themselves: see _loops.h. */
static int64_t changes;
#define CHANGING(call) (changes++, call)

#include "_loops.h"

/* Return the first error of several calls in Python whose answers do not matter. */
static inline int
done_with(PyObject *answer)
{
    Py_XDECREF(answer);
    return answer == NULL ? -1 : 0;
}

static int
write_number(PyObject *object, PyObject *name, int64_t value)
{
    PyObject *number = PyLong_FromLongLong(value);
    int result = number == NULL ? -1 : PyObject_SetAttr(object, name, number);
    Py_XDECREF(number);
    return result;
}

static int64_t
number_of(PyObject *object, PyObject *name)
{
    PyObject *number = PyObject_GetAttr(object, name);
    int64_t found = number == NULL ? -1 : number_in(number);
    Py_XDECREF(number);
    return found;
}

/* Return the first frame of a site. */
static inline PyObject *
frame_of(PyObject *site)
{
    return PyTuple_GET_ITEM(SLOT(site, site, frames), 0);
}

/* Let *evidence be what is known of a violation, or of a race if there is no other site (borrowed),
 * or NULL. */
static int
find_evidence(Run *run, Sought now, PyObject **evidence)
{
    Sought *last = &run->sought;
    if (last->changes != now.changes || last->first != now.first || last->second != now.second
        || last->other != now.other || last->first_kind != now.first_kind
        || last->second_kind != now.second_kind || last->variable != now.variable) {
        PyObject *first = frame_of(now.first), *second = frame_of(now.second);
        PyObject *key = now.other == NULL
            ? PyTuple_Pack(3, now.variable, first, second)
            : PyTuple_Pack(6, now.variable, now.first_kind, now.second_kind, first, second,
                           frame_of(now.other));
        if (key == NULL) {
            return -1;
        }
        now.evidence = PyDict_GetItemWithError(now.other == NULL ? run->races : run->violations, key);
        Py_DECREF(key);
        if (now.evidence == NULL && PyErr_Occurred()) {
            return -1;
        }
        *last = now;
    }
    *evidence = last->evidence;
    return 0;
}

/* Tell whether a race has been seen so often that it is only counted, and this time is counted. */
static int
has_settled(Run *run, PyObject *first, PyObject *second)
{
    PyObject *variable = SLOT(second, access, variable), *race;
    if (!run->settles || !same_number(SLOT(first, access, variable), variable)) {
        return 0;
    }
    Sought now = {
        .first = SLOT(first, access, site), .second = SLOT(second, access, site),
        .variable = variable, .changes = changes,
    };
    if (find_evidence(run, now, &race) < 0) {
        return -1;
    }
    return race != NULL && NUMBER(race, race, count) >= settled_after
        && NUMBER(race, race, last) == index_of(second);
}

/* Analyzer.has_counted for what is, at most, to be reported; 1, 0 or -1. */
static int
has_counted(Run *run, PyObject *sequence, PyObject *other)
{
    PyObject *first = SLOT(sequence, sequence, first), *second = SLOT(sequence, sequence, second);
    PyObject *known_one;
    Sought now = {
        SLOT(first, access, site), SLOT(second, access, site), SLOT(other, access, site),
        SLOT(first, access, kind), SLOT(second, access, kind), SLOT(second, access, variable),
        NULL, changes,
    };
    if (find_evidence(run, now, &known_one) < 0) {
        return -1;
    }
    int64_t index = index_of(other);
    if (known_one == NULL || NUMBER(known_one, violation, last) < index_of(second)) {
        return 0;
    }
    int before = index < index_of(first), after = index > index_of(second);
    if (!before && !after) {
        return SLOT(known_one, violation, between) == Py_True
            && SLOT(known_one, violation, observed) == Py_True;
    }
    if (SLOT(known_one, violation, observed) == Py_True) {
        return 1;
    }
    PyObject *earlier = before ? other : second, *later = before ? first : other;
    return known(SLOT(later, access, full), SLOT(SLOT(earlier, access, actor), actor, number))
        >= NUMBER(earlier, access, epoch);
}

static int
judge(Run *run, PyObject *shadow, PyObject *sequence, PyObject *other)
{
    int counted = has_counted(run, sequence, other);
    if (counted != 0) {
        return counted < 0 ? -1 : 0;
    }
    PyObject *arguments[] = {shadow, sequence, other, run->violated, run->matters};
    return done_with(CHANGING(PyObject_Vectorcall(the_judge, arguments, 5, NULL)));
}

static int
follow_value(PyObject *shadow, PyObject *access, int64_t kind)
{
    if (READING >> kind & 1) {
        if (SLOT(shadow, shadow, has_value) == Py_True) {
            SET(access, access, value, SLOT(shadow, shadow, value));
            SET(access, access, has_value, Py_True);
        }
        return 0;
    }
    if (SLOT(access, access, has_value) != Py_True) {
        SET(shadow, shadow, has_value, Py_False);
        return 0;
    }
    PyObject *value = SLOT(access, access, value), *before = SLOT(shadow, shadow, value);
    int same = 0;
    if (SLOT(shadow, shadow, has_value) == Py_True && Py_TYPE(before) == Py_TYPE(value)) {
        PyObject *answer = PyObject_RichCompare(before, value, Py_EQ);
        same = answer == NULL ? -1 : PyObject_IsTrue(answer);
        Py_XDECREF(answer);
        if (same < 0) {
            return -1;
        }
    }
    SET(access, access, unchanged, same ? Py_True : Py_False);
    SET(shadow, shadow, value, value);
    SET(shadow, shadow, has_value, Py_True);
    return 0;
}

/* Look for sequences of others that an access breaks. */
static int
break_others(Run *run, PyObject *shadow, New *new)
{
    int alone = same_number(SLOT(shadow, shadow, group), SLOT(new->actor, actor, group));
    PyObject *trails = alone ? SLOT(shadow, shadow, switched) : SLOT(shadow, shadow, sequenced);
    if (trails == Py_None || PyDict_GET_SIZE(trails) == 0) {
        return 0;
    }
    PyObject *writes = WRITING >> new->kind & 1 ? Py_True : Py_False;
    PyObject *base = SLOT(new->access, access, base);
    PyObject *number, *trail;
    Py_ssize_t at = 0;
    while (PyDict_Next(trails, &at, &number, &trail)) {
        if (SLOT(trail, trail, actor) == new->actor
            || known(base, number) >= NUMBER(trail, trail, epoch)) {
            continue;
        }
        if (new->plain) {
            int apart = are_disjoint(new->locks, SLOT(trail, trail, covered));
            if (apart <= 0) {
                if (apart < 0) {
                    return -1;
                }
                continue;
            }
        }
        PyObject *sequences = SLOT(trail, trail, sequences), *key, *sequence;
        Py_ssize_t place = 0;
        while (sequences != Py_None && PyDict_Next(sequences, &place, &key, &sequence)) {
            if (SLOT(sequence, sequence, broken_by_write) == writes
                && judge(run, shadow, sequence, new->access) < 0) {
                return -1;
            }
        }
    }
    return 0;
}

/* Look for earlier accesses of others that break a sequence, or might have. */
static int
is_broken(Run *run, PyObject *shadow, PyObject *mine, New *new, PyObject *ended)
{
    PyObject *group = SLOT(new->actor, actor, group);
    int at_once = SLOT(ended, sequence, at_once) == Py_True;
    if (at_once && same_number(SLOT(shadow, shadow, group), group)) {
        return 0;
    }
    int64_t breaking = SLOT(ended, sequence, broken_by_write) == Py_True ? WRITING : READING;
    PyObject *base = SLOT(SLOT(ended, sequence, first), access, base);
    PyObject *locks = SLOT(ended, sequence, locks);
    PyObject *number, *trail;
    Py_ssize_t at = 0;
    while (PyDict_Next(SLOT(shadow, shadow, trails), &at, &number, &trail)) {
        if (trail == mine || !(NUMBER(trail, trail, kinds) & breaking)
            || known(base, number) >= NUMBER(trail, trail, epoch)) {
            continue;
        }
        if (SLOT(trail, trail, plain) == Py_True) {
            int apart = are_disjoint(locks, SLOT(trail, trail, locks));
            if (apart <= 0) {
                if (apart < 0) {
                    return -1;
                }
                continue;
            }
        }
        if (at_once && same_number(SLOT(SLOT(trail, trail, actor), actor, group), group)) {
            continue;
        }
        PyObject *both[] = {SLOT(trail, trail, places), SLOT(trail, trail, others)};
        for (int one = 0; one < 2; one++) {
            PyObject *key, *other;
            Py_ssize_t place = 0;
            while (both[one] != Py_None && PyDict_Next(both[one], &place, &key, &other)) {
                if (breaking >> kind_of(other) & 1
                    && judge(run, shadow, ended, other) < 0) {
                    return -1;
                }
            }
        }
    }
    return 0;
}

static inline int
is_hole(PyObject *access, PyObject *empties)
{
    int64_t kind = kind_of(access);
    return (kind == WRITE || kind == GROW)
        && (SLOT(access, access, has_value) == Py_True ? SLOT(access, access, value) == Py_None
                                                       : empties == Py_True);
}

/* Whether "nothing" is stored first, and something in its place later. */
static inline int
leaves_hole(PyObject *first, PyObject *second, PyObject *pair)
{
    return is_hole(first, SLOT(pair, pair, first_empties))
        && !is_hole(second, SLOT(pair, pair, second_empties))
        && (SLOT(first, access, has_value) == Py_True || SLOT(pair, pair, adds) != Py_True);
}

/* Tell whether an access in the middle is the same place as the first, in the call of the second. */
static int
is_superseded(Run *run, PyObject *first, PyObject *middle, New *new)
{
    PyObject *answer = PyObject_CallMethodObjArgs(run->pairs, str_is_superseded, first, middle,
                                                  new->access, NULL);
    int superseded = answer == NULL ? -1 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    return superseded;
}

/* Tell whether the first access of a pair is over for the second. */
static int
is_past(Run *run, PyObject *pair, PyObject *first, New *new)
{
    PyObject *latest = PyDict_GetItemWithError(SLOT(new->actor, actor, latest),
                                               SLOT(pair, pair, first));
    if (latest == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    if (latest == first || index_of(latest) <= index_of(first)) {
        return 0;
    }
    if (same_number(SLOT(latest, access, segment), SLOT(first, access, segment))) {
        int equal = are_equal_sets(SLOT(latest, access, sections), SLOT(first, access, sections));
        if (equal != 0) {
            return equal < 0 ? -1 : 0;
        }
    }
    if (SLOT(pair, pair, past) != Py_None) {
        return SLOT(pair, pair, past) == Py_True;
    }
    PyObject *answer = PyObject_CallMethodObjArgs(run->pairs, str_is_past, pair, first, new->access,
                                                  NULL);
    int past = answer == NULL ? -1 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    return past;
}

static int
is_recheck(Run *run, PyObject *pair, PyObject *first, PyObject *place, PyObject *middle, New *new)
{
    PyObject *answer = PyDict_GetItemWithError(SLOT(pair, pair, rechecks), place);
    if (answer != NULL) {
        return answer == Py_True;
    }
    if (PyErr_Occurred()) {
        return -1;
    }
    answer = PyObject_CallMethodObjArgs(run->pairs, str_is_recheck, pair, first, middle,
                                        new->access, NULL);
    int recheck = answer == NULL ? -1 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    return recheck;
}

/* Return a new tuple of what is in a list, which may not be there. */
static PyObject *
tuple_of(PyObject *list)
{
    return list == NULL ? Py_NewRef(no_tuple) : PyList_AsTuple(list);
}

static inline int
append_to(PyObject **list, PyObject *item)
{
    if (*list == NULL && (*list = PyList_New(0)) == NULL) {
        return -1;
    }
    return PyList_Append(*list, item);
}

/* Return the locks of a set of critical sections, of which two accesses have not the same ones. */
static PyObject *
locks_of(PyObject *sections)
{
    PyObject *locks = PyFrozenSet_New(NULL);
    PyObject *iterator = locks == NULL ? NULL : PyObject_GetIter(sections);
    PyObject *section;
    while (iterator != NULL && (section = PyIter_Next(iterator)) != NULL) {
        int added = PySet_Add(locks, PyTuple_GET_ITEM(section, 0));
        Py_DECREF(section);
        if (added < 0) {
            break;
        }
    }
    Py_XDECREF(iterator);
    if (PyErr_Occurred()) {
        Py_CLEAR(locks);
    }
    return locks;
}

/* Return a new sequence; takes over the references to rechecks and claims. */
static PyObject *
new_sequence(PyObject *pair, PyObject *first, New *new, PyObject *rechecks, PyObject *claims)
{
    PyObject *made = rechecks == NULL || claims == NULL ? NULL
        : made_of(sequence_spare);
    if (made == NULL) {
        Py_XDECREF(rechecks);
        Py_XDECREF(claims);
        return NULL;
    }
    PyObject *second = new->access, *pattern = SLOT(pair, pair, pattern);
    SLOT(made, sequence, rechecks) = rechecks;
    SLOT(made, sequence, claims) = claims;
    SLOT(made, sequence, unharmed_by) = Py_NewRef(SLOT(pair, pair, unharmed_by));
    SLOT(made, sequence, broken_by_write) = Py_NewRef(pattern == the_W_R_W ? Py_False : Py_True);
    SLOT(made, sequence, takes) = Py_NewRef(pattern == the_TAKEN ? Py_True : Py_False);
    SLOT(made, sequence, first) = Py_NewRef(first);
    SLOT(made, sequence, second) = Py_NewRef(second);
    int at_once = same_number(SLOT(first, access, segment), SLOT(second, access, segment));
    PyObject *waits = SLOT(second, access, waits);
    for (Py_ssize_t at = 0; at_once && at < PyTuple_GET_SIZE(waits); at++) {
        PyObject *wait = PyTuple_GET_ITEM(waits, at);
        at_once = number_in(PyTuple_GET_ITEM(wait, 0)) <= index_of(first);
    }
    SLOT(made, sequence, at_once) = Py_NewRef(at_once ? Py_True : Py_False);
    PyObject *sections = SLOT(second, access, sections), *locks = no_locks;
    if (SLOT(first, access, sections) == sections) {
        Py_INCREF(sections);
        if (!is_empty_set(sections) && new->plain) {
            locks = new->locks;
        }
        Py_INCREF(locks);
    }
    else {
        sections = PyNumber_And(SLOT(first, access, sections), sections);
        if (sections == NULL) {
            Py_DECREF(made);
            return NULL;
        }
        locks = is_empty_set(sections) || !new->plain ? Py_NewRef(no_locks) : locks_of(sections);
    }
    SLOT(made, sequence, sections) = sections;
    SLOT(made, sequence, locks) = locks;
    if (locks == NULL) {
        Py_CLEAR(made);
    }
    return made;
}

/* Let *ended be a new sequence, or NULL if the two make none. */
static int
sequence(Run *run, PyObject *shadow, PyObject *mine, PyObject *first, New *new, PyObject *pair,
         PyObject **ended)
{
    PyObject *pattern = SLOT(pair, pair, pattern), *second = new->access;
    *ended = NULL;
    int past = is_past(run, pair, first, new);
    if (past != 0) {
        return past < 0 ? -1 : 0;
    }
    if (pattern == the_W_R_W && !leaves_hole(first, second, pair)) {
        return 0;
    }
    int64_t kind = kind_of(first);
    if (kind == UPDATE && new->kind == GROW && SLOT(shadow, shadow, container) == Py_None) {
        return 0;
    }
    if (pattern == the_R_W_W && SLOT(second, access, restores) != Py_True
        && ((kind == READ && (new->kind == WRITE || new->kind == GROW))
            || (kind == UPDATE && new->kind == WRITE))) {
        SET(second, access, update_of, first);
    }
    int takes = pattern == the_TAKEN, tested = SLOT(pair, pair, is_tested) == Py_True;
    int crosses = SLOT(pair, pair, crosses) == Py_True;
    int64_t after = index_of(first);
    PyObject *rechecks = NULL, *claims = NULL, *place, *middle;
    Py_ssize_t at = 0;
    while (pattern == the_W_W_R && PyDict_Next(SLOT(mine, trail, places), &at, &place, &middle)) {
        if (index_of(middle) > after && WRITING >> kind_of(middle) & 1) {
            return 0;
        }
    }
    at = 0;
    while (crosses && PyDict_Next(SLOT(mine, trail, places), &at, &place, &middle)) {
        if (index_of(middle) > after && kind_of(middle) == kind) {
            int superseded = is_superseded(run, first, middle, new);
            if (superseded != 0) {
                return superseded < 0 ? -1 : 0;
            }
        }
    }
    at = 0;
    while (PyDict_Next(SLOT(mine, trail, places), &at, &place, &middle)) {
        if (index_of(middle) <= after) {
            continue;
        }
        if (WRITING >> kind_of(middle) & 1) {
            if (tested && append_to(&claims, middle) < 0) {
                goto failed;
            }
            continue;
        }
        int recheck = takes ? 1 : is_recheck(run, pair, first, place, middle, new);
        if (recheck < 0 || (recheck && append_to(&rechecks, middle) < 0)) {
            goto failed;
        }
    }
    *ended = new_sequence(pair, first, new, tuple_of(rechecks), tuple_of(claims));
    Py_XDECREF(rechecks);
    Py_XDECREF(claims);
    return *ended == NULL ? -1 : 0;
failed:
    Py_XDECREF(rechecks);
    Py_XDECREF(claims);
    return -1;
}

/* Put something into a dict in a slot, which is made if there is none. */
static int
put(PyObject **slot, PyObject *key, PyObject *value)
{
    if (*slot == Py_None) {
        PyObject *made = PyDict_New();
        if (made == NULL) {
            return -1;
        }
        store_new(slot, made);
    }
    return PyDict_SetItem(*slot, key, value);
}

/* Shadow.keep_sequence for the first sequence of a trail. */
static int
keep_first_sequence(PyObject *shadow, PyObject *mine, New *new, PyObject *key, PyObject *ended)
{
    changes++;
    SET(mine, trail, covered, SLOT(ended, sequence, locks));
    if (put(&SLOT(mine, trail, sequences), key, ended) < 0) {
        return -1;
    }
    if (SLOT(shadow, shadow, sequenced) == Py_None || SLOT(shadow, shadow, linked) == Py_None) {
        PyObject *linked = PySet_New(NULL);
        if (linked == NULL) {
            return -1;
        }
        SET(shadow, shadow, sequenced, Py_None);
        store_new(&SLOT(shadow, shadow, linked), linked);
    }
    PyObject *sites = PyTuple_Pack(2, SLOT(SLOT(ended, sequence, first), access, site),
                                   SLOT(SLOT(ended, sequence, second), access, site));
    int failed = sites == NULL || put(&SLOT(shadow, shadow, sequenced), new->number, mine) < 0
        || PySet_Add(SLOT(shadow, shadow, linked), sites) < 0;
    Py_XDECREF(sites);
    if (failed || SLOT(ended, sequence, at_once) == Py_True) {
        return failed ? -1 : 0;
    }
    return put(&SLOT(shadow, shadow, switched), new->number, mine);
}

static int
keep_sequence(PyObject *shadow, PyObject *mine, New *new, PyObject *pair, PyObject *ended)
{
    PyObject *sequences = SLOT(mine, trail, sequences);
    PyObject *key = PyTuple_Pack(2, SLOT(pair, pair, first), new->key);
    if (key == NULL) {
        return -1;
    }
    if (sequences == Py_None) {
        int kept = keep_first_sequence(shadow, mine, new, key, ended);
        Py_DECREF(key);
        return kept;
    }
    int is_there = PyDict_Contains(sequences, key);
    if (is_there != 1) {  /* the first one of its kind */
        Py_DECREF(key);
        if (is_there < 0) {
            return -1;
        }
        return done_with(CHANGING(PyObject_CallMethodObjArgs(shadow, str_keep_sequence, mine, ended, NULL)));
    }
    int failed = keep_common(&SLOT(mine, trail, covered), SLOT(ended, sequence, locks)) < 0
        || PyDict_SetItem(sequences, key, ended) < 0;
    Py_DECREF(key);
    if (failed) {
        return -1;
    }
    if (SLOT(ended, sequence, at_once) == Py_True) {
        return 0;
    }
    return put(&SLOT(shadow, shadow, switched), new->number, mine);
}

/* atomicity.find_pairs; a new reference. */
static PyObject *
find_pairs(Run *run, PyObject *shadow, PyObject *mine, New *new)
{
    int64_t second = number_in(new->key);
    PyObject *list = PyList_New(0), *place, *first, *pairs = NULL;
    Py_ssize_t at = 0;
    while (list != NULL && PyDict_Next(SLOT(mine, trail, places), &at, &place, &first)) {
        PyObject *key = PyLong_FromLongLong(number_in(place) << PLACE_BITS | second);
        PyObject *pair = key == NULL ? NULL : PyDict_GetItemWithError(run->known_pairs, key);
        Py_XDECREF(key);
        if (pair != NULL) {
            Py_INCREF(pair);
        }
        else if (!PyErr_Occurred()) {
            pair = CHANGING(PyObject_CallMethodObjArgs(run->pairs, str_of, first, new->access,
                                              SLOT(shadow, shadow, by_hand), NULL));
        }
        if (pair == NULL || (pair != Py_None && PyList_Append(list, pair) < 0)) {
            Py_CLEAR(list);
        }
        Py_XDECREF(pair);
    }
    if (list != NULL && (pairs = PyList_AsTuple(list)) != NULL) {
        if (SLOT(mine, trail, firsts) == Py_None) {
            PyObject *firsts = PyDict_New();
            if (firsts == NULL) {
                Py_CLEAR(pairs);
            }
            else {
                store_new(&SLOT(mine, trail, firsts), firsts);
            }
        }
        if (pairs != NULL && PyDict_SetItem(SLOT(mine, trail, firsts), new->key, pairs) < 0) {
            Py_CLEAR(pairs);
        }
    }
    Py_XDECREF(list);
    return pairs;
}

typedef struct { PyObject *access, *pair; int64_t index; } First;

/* Look for sequences that end in an access. */
static int
end_sequences(Run *run, PyObject *shadow, PyObject *mine, New *new)
{
    PyObject *firsts = SLOT(mine, trail, firsts), *pairs = NULL;
    if (firsts != Py_None) {
        pairs = PyDict_GetItemWithError(firsts, new->key);
        if (pairs == NULL && PyErr_Occurred()) {
            return -1;
        }
    }
    if (pairs != NULL) {
        Py_INCREF(pairs);
    }
    else if ((pairs = find_pairs(run, shadow, mine, new)) == NULL) {
        return -1;
    }
    First sorted[PLACES_KEPT + 1];
    Py_ssize_t count = 0;
    for (Py_ssize_t at = 0; at < PyTuple_GET_SIZE(pairs) && count <= PLACES_KEPT; at++) {
        PyObject *pair = PyTuple_GET_ITEM(pairs, at);
        PyObject *access = PyDict_GetItemWithError(SLOT(mine, trail, places),
                                                   SLOT(pair, pair, first));
        if (access == NULL) {
            if (!PyErr_Occurred()) {
                PyErr_SetObject(PyExc_KeyError, SLOT(pair, pair, first));
            }
            Py_DECREF(pairs);
            return -1;
        }
        First one = {access, pair, index_of(access)};
        Py_ssize_t to = count++;
        for (; to > 0 && sorted[to - 1].index > one.index; to--) {
            sorted[to] = sorted[to - 1];
        }
        sorted[to] = one;
    }
    int result = 0;
    for (Py_ssize_t at = 0; result == 0 && at < count; at++) {
        PyObject *ended;
        result = sequence(run, shadow, mine, sorted[at].access, new, sorted[at].pair, &ended);
        if (result == 0 && ended != NULL) {
            result = keep_sequence(shadow, mine, new, sorted[at].pair, ended) < 0
                || is_broken(run, shadow, mine, new, ended) < 0 ? -1 : 0;
            Py_DECREF(ended);
        }
    }
    Py_DECREF(pairs);
    return result;
}

/* Return whether the answer must be that of the last time: no race. */
static int
is_repeated(PyObject *shadow, PyObject *mine, New *new)
{
    PyObject *before = PyDict_GetItemWithError(SLOT(mine, trail, places), new->key);
    if (before == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    if (SLOT(mine, trail, raced) == Py_True || SLOT(shadow, shadow, plain) != Py_True) {
        return 0;
    }
    int equal = are_equal_sets(SLOT(before, access, locks), new->locks);
    if (equal <= 0) {
        return equal;
    }
    int64_t index = index_of(before);
    if (SLOT(shadow, shadow, last) == mine && index >= NUMBER(shadow, shadow, since)) {
        return 1;
    }
    return READING >> new->kind & 1 && index > NUMBER(shadow, shadow, written);
}

/* Return whether there was anything to report. */
static int
compare(Run *run, PyObject *shadow, PyObject *trails, int64_t racing, New *new)
{
    int64_t worker = SLOT(shadow, shadow, shared) == Py_True ? 0
        : NUMBER(new->actor, actor, worker);
    PyObject *group = SLOT(new->actor, actor, group), *hard = SLOT(new->access, access, hard);
    PyObject *sections = SLOT(new->access, access, sections);
    PyObject *number, *trail;
    Py_ssize_t at = 0;
    int raced = 0;
    while (PyDict_Next(trails, &at, &number, &trail)) {
        if (!(NUMBER(trail, trail, kinds) & racing)
            || same_number(SLOT(SLOT(trail, trail, actor), actor, group), group)
            || (worker && NUMBER(SLOT(trail, trail, actor), actor, worker) == worker)) {
            continue;
        }
        int64_t learned = known(hard, number);
        if (learned >= NUMBER(trail, trail, epoch)) {
            continue;
        }
        if (new->plain && SLOT(trail, trail, plain) == Py_True) {
            int apart = are_disjoint(new->locks, SLOT(trail, trail, locks));
            if (apart <= 0) {
                if (apart < 0) {
                    return -1;
                }
                continue;
            }
        }
        PyObject *both[] = {SLOT(trail, trail, places), SLOT(trail, trail, others)};
        for (int one = 0; one < 2; one++) {
            PyObject *key, *other;
            Py_ssize_t place = 0;
            while (both[one] != Py_None && PyDict_Next(both[one], &place, &key, &other)) {
                if (!(racing >> kind_of(other) & 1)) {
                    continue;
                }
                if (!is_empty_set(sections) && !is_empty_set(SLOT(other, access, locks))) {
                    PyObject *arguments[] = {sections, SLOT(new->access, access, borrowed), other};
                    PyObject *answer = PyObject_Vectorcall(the_excluded, arguments, 3, NULL);
                    if (answer == NULL) {
                        return -1;
                    }
                    Py_DECREF(answer);
                    if (answer == Py_True) {
                        continue;
                    }
                }
                int64_t epoch = NUMBER(other, access, epoch);
                if (learned >= epoch) {
                    continue;
                }
                raced = 1;
                int settled = has_settled(run, other, new->access);
                if (settled != 0) {
                    if (settled < 0) {
                        return -1;
                    }
                    continue;
                }
                int before = known(SLOT(new->access, access, full), number) >= epoch;
                PyObject *arguments[] = {other, new->access, before ? Py_False : Py_True};
                if (done_with(CHANGING(PyObject_Vectorcall(run->raced, arguments, 3, NULL))) < 0) {
                    return -1;
                }
            }
        }
    }
    return raced;
}

/* Compare an access with the earlier ones; return whether there was anything to report. */
static int
check_races(Run *run, PyObject *shadow, PyObject *mine, New *new)
{
    PyObject *container = SLOT(shadow, shadow, container);
    int inside = container != Py_None, raced = 0;
    int64_t racing = inside ? item_racing_kinds[new->kind] : racing_kinds[new->kind];
    if (NUMBER(shadow, shadow, kinds) & racing
        && !same_number(SLOT(shadow, shadow, group), SLOT(new->actor, actor, group))) {
        int repeated = mine == NULL ? 0 : is_repeated(shadow, mine, new);
        if (repeated < 0) {
            return -1;
        }
        if (!repeated) {
            raced = compare(run, shadow, SLOT(shadow, shadow, trails), racing, new);
        }
    }
    if (raced < 0) {
        return -1;
    }
    int again = 0;
    if (inside) {
        racing = kinds_with_items[new->kind];
        if (NUMBER(container, shadow, kinds) & racing) {
            again = compare(run, shadow, SLOT(container, shadow, trails), racing, new);
        }
    }
    else {
        PyObject *items = SLOT(shadow, shadow, item_trails);
        racing = kinds_with_whole[new->kind];
        if (items != Py_None && NUMBER(shadow, shadow, item_kinds) & racing) {
            again = compare(run, shadow, items, racing, new);
        }
    }
    return again < 0 ? -1 : raced || again;
}

/* Trail.keep */
static int
keep(PyObject *trail, New *new)
{
    PyObject *places = SLOT(trail, trail, places), *access = new->access;
    PyObject *before = PyDict_GetItemWithError(places, new->key);
    if (before == NULL) {
        if (PyErr_Occurred()) {
            return -1;
        }
        if (PyDict_GET_SIZE(places) >= PLACES_KEPT) {
            return done_with(CHANGING(PyObject_CallMethodOneArg(trail, str_keep, access)));
        }
        SET(trail, trail, firsts, Py_None);
    }
    SET(trail, trail, epoch, SLOT(access, access, epoch));
    SET(trail, trail, index, SLOT(access, access, index));
    int64_t kinds = NUMBER(trail, trail, kinds);
    if (!(kinds >> new->kind & 1)
        && set_number(&SLOT(trail, trail, kinds), kinds | 1 << new->kind) < 0) {
        return -1;
    }
    if (!new->plain) {
        SET(trail, trail, plain, Py_False);
    }
    if (keep_common(&SLOT(trail, trail, locks), new->locks) < 0) {
        return -1;
    }
    int equal = before == NULL || are_equal_sets(SLOT(before, access, locks), new->locks);
    if (equal < 0) {
        return -1;
    }
    if (!equal && done_with(CHANGING(PyObject_CallMethodObjArgs(trail, str__keep_other, new->key, before,
                                                       new->locks, NULL))) < 0) {
        return -1;
    }
    return PyDict_SetItem(places, new->key, access);
}

/* Analyzer._touch; return 1, -1, or 0 if it is left to Python. */
static int
touch(Run *run, PyObject *shadow, PyObject *number)
{
    int64_t begun = number_of(run->detector, str__trails);
    if (begun < 0 || begun >= number_in(the_trails_begun)) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *variables = PyDict_GetItemWithError(run->touched, number);
    if (variables == NULL) {
        variables = PyErr_Occurred() ? NULL : PySet_New(NULL);
        if (variables == NULL || PyDict_SetItem(run->touched, number, variables) < 0) {
            Py_XDECREF(variables);
            return -1;
        }
        Py_DECREF(variables);
    }
    return PySet_Add(variables, SLOT(shadow, shadow, number)) < 0
        || write_number(run->detector, str__trails, begun + 1) < 0 ? -1 : 1;
}

/* Put a new trail into a dict; return it (borrowed). */
static PyObject *
new_trail(PyObject *trails, New *new)
{
    PyObject *places = PyDict_New(), *none = PyLong_FromLong(-1);
    PyObject *made = places == NULL || none == NULL ? NULL : made_of(trail_spare);
    if (made == NULL) {
        Py_XDECREF(places);
        Py_XDECREF(none);
        return NULL;
    }
    SLOT(made, trail, actor) = Py_NewRef(new->actor);
    SLOT(made, trail, epoch) = none;
    SLOT(made, trail, index) = Py_NewRef(none);
    SLOT(made, trail, kinds) = Py_NewRef(zero);
    SLOT(made, trail, raced) = Py_NewRef(Py_False);
    SLOT(made, trail, plain) = Py_NewRef(Py_True);
    SLOT(made, trail, locks) = Py_NewRef(new->locks);
    SLOT(made, trail, places) = places;
    SLOT(made, trail, others) = Py_NewRef(Py_None);
    SLOT(made, trail, firsts) = Py_NewRef(Py_None);
    SLOT(made, trail, covered) = Py_NewRef(new->locks);
    SLOT(made, trail, sequences) = Py_NewRef(Py_None);
    int failed = PyDict_SetItem(trails, new->number, made) < 0;
    Py_DECREF(made);
    changes++;
    return failed ? NULL : made;
}

/* Analyzer._begin; return a trail (borrowed). */
static PyObject *
begin_trail(Run *run, PyObject *shadow, New *new)
{
    PyObject *trails = SLOT(shadow, shadow, trails);
    int touched = PyDict_GET_SIZE(trails) < NUMBER(shadow, shadow, limit)
        ? touch(run, shadow, new->number) : 0;
    if (touched == 0) {
        PyObject *made = CHANGING(PyObject_CallMethodObjArgs(run->detector, str__begin, shadow,
                                                             new->access, NULL));
        Py_XDECREF(made);  /* the shadow has it */
        return made;
    }
    PyObject *group = SLOT(new->actor, actor, group);
    if (PyDict_GET_SIZE(trails) && !same_number(SLOT(shadow, shadow, group), group)) {
        group = Py_None;
    }
    SET(shadow, shadow, group, group);
    return touched < 0 ? NULL : new_trail(trails, new);
}

/* Return the trail of an actor that has not accessed an item of a container (borrowed). */
static PyObject *
begin_item_trail(Run *run, PyObject *container, New *new)
{
    PyObject **trails = &SLOT(container, shadow, item_trails);
    if (touch(run, container, new->number) < 0) {
        return NULL;
    }
    if (*trails == Py_None) {
        PyObject *made = PyDict_New();
        if (made == NULL) {
            return NULL;
        }
        store_new(trails, made);
    }
    return new_trail(*trails, new);
}

/* Analyzer._keep_item */
static int
keep_item(Run *run, PyObject *container, New *new)
{
    PyObject *trails = SLOT(container, shadow, item_trails), *trail = NULL;
    if (trails != Py_None) {
        trail = PyDict_GetItemWithError(trails, new->number);
    }
    if (trail == NULL) {
        if (PyErr_Occurred()) {
            return -1;
        }
        int has_room = trails == Py_None || PyDict_GET_SIZE(trails) < PLACES_KEPT;
        int64_t begun = has_room ? number_of(run->detector, str__trails) : 0;
        if (!has_room || begun >= number_in(the_trails_begun)) {
            return done_with(CHANGING(PyObject_CallMethodObjArgs(
                run->detector, str__keep_item, container, new->access, NULL)));
        }
        trail = begin_item_trail(run, container, new);
        if (trail == NULL) {
            return -1;
        }
    }
    int64_t kinds = NUMBER(container, shadow, item_kinds);
    if (keep(trail, new) < 0) {
        return -1;
    }
    return kinds >> new->kind & 1 ? 0
        : set_number(&SLOT(container, shadow, item_kinds), kinds | 1 << new->kind);
}

/* Shadow.keep */
static int
keep_in(PyObject *shadow, PyObject *trail, New *new)
{
    if (keep(trail, new) < 0) {
        return -1;
    }
    int64_t kinds = NUMBER(shadow, shadow, kinds);
    if (!(kinds >> new->kind & 1)
        && set_number(&SLOT(shadow, shadow, kinds), kinds | 1 << new->kind) < 0) {
        return -1;
    }
    if (SLOT(trail, trail, plain) != Py_True) {
        SET(shadow, shadow, plain, Py_False);
    }
    PyObject *index = SLOT(new->access, access, index);
    if (SLOT(shadow, shadow, last) != trail) {
        SET(shadow, shadow, last, trail);
        SET(shadow, shadow, since, index);
    }
    if (WRITING >> new->kind & 1) {
        SET(shadow, shadow, written, index);
    }
    return 0;
}

static int write_back(Run *run);

/* Analyzer.access */
static int
analyse(Run *run, PyObject *access, PyObject *actor, int64_t kind)
{
    PyObject *variable = SLOT(access, access, variable);
    run->accesses++;
    PyObject *shadow = PyDict_GetItemWithError(SLOT(run->shadows, aging, young), variable);
    if (shadow != NULL) {
        Py_INCREF(shadow);
    }
    else {
        if (PyErr_Occurred()) {
            return -1;
        }
        shadow = CHANGING(PyObject_CallMethodOneArg(run->detector, str__shadow, variable));
        if (shadow == NULL) {
            return -1;
        }
        if (shadow == Py_None) {
            Py_DECREF(shadow);
            return 0;
        }
    }
    New new = {access, actor, SLOT(actor, actor, number), SLOT(access, access, locks), NULL, kind,
               is_plain(access)};
    new.key = PyLong_FromLongLong(NUMBER(SLOT(access, access, site), site, number) << 4 | kind);
    if (new.key == NULL || follow_value(shadow, access, kind) < 0) {
        goto failed;
    }
    PyObject *trail = PyDict_GetItemWithError(SLOT(shadow, shadow, trails), new.number);
    if (trail == NULL && PyErr_Occurred()) {
        goto failed;
    }
    if (break_others(run, shadow, &new) < 0
        || (trail != NULL && end_sequences(run, shadow, trail, &new) < 0)) {
        goto failed;
    }
    int raced = check_races(run, shadow, trail, &new);
    if (raced < 0) {
        goto failed;
    }
    if (trail == NULL) {
        trail = begin_trail(run, shadow, &new);
        if (trail == NULL) {
            goto failed;
        }
    }
    if (raced) {
        SET(trail, trail, raced, Py_True);
    }
    if (keep_in(shadow, trail, &new) < 0) {
        goto failed;
    }
    if (PyDict_SetItem(SLOT(actor, actor, latest), new.key, access) < 0) {
        goto failed;
    }
    PyObject *container = SLOT(shadow, shadow, container);
    if (container != Py_None && kind != GROW && keep_item(run, container, &new) < 0) {
        goto failed;
    }
    if (((SLOT(actor, actor, turn) != Py_None
          && SLOT(SLOT(access, access, site), site, flags) != Py_False)
         || SLOT(shadow, shadow, flagged) == Py_True)
        && (write_back(run) < 0
            || done_with(CHANGING(PyObject_CallMethodObjArgs(run->flags, str_follow, shadow, trail, access,
                                                    NULL))) < 0)) {
        goto failed;
    }
    Py_DECREF(new.key);
    Py_DECREF(shadow);
    return 0;
failed:
    Py_XDECREF(new.key);
    Py_DECREF(shadow);
    return -1;
}

/* Analyzer.remember */
static int
remember_in(Run *run, PyObject *shadow, PyObject *access)
{
    PyObject *actor = SLOT(access, access, actor);
    New new = {access, actor, SLOT(actor, actor, number), SLOT(access, access, locks), NULL,
               kind_of(access), is_plain(access)};
    new.key = PyLong_FromLongLong(NUMBER(SLOT(access, access, site), site, number) << 4 | new.kind);
    int result = -1;
    if (new.key != NULL && follow_value(shadow, access, new.kind) == 0) {
        PyObject *trail = PyDict_GetItemWithError(SLOT(shadow, shadow, trails), new.number);
        if (trail == NULL && !PyErr_Occurred()) {
            trail = begin_trail(run, shadow, &new);
        }
        if (trail != NULL && keep_in(shadow, trail, &new) == 0) {
            result = PyDict_SetItem(SLOT(actor, actor, latest), new.key, access);
        }
    }
    Py_XDECREF(new.key);
    return result;
}

/* ------------------------------------------------------------------ the stream */

/* Replay.site; a new reference. */
static PyObject *
site_of(Run *run, PyObject *actor, PyObject *code, PyObject *offset)
{
    PyObject *open = SLOT(actor, actor, stack_open);
    if (open != Py_None) {
        PyObject *frames = PyList_AsTuple(open);
        if (frames == NULL) {
            return NULL;
        }
        SET(actor, actor, stack_open, Py_None);
        PyObject *stack = PyDict_GetItemWithError(run->stacks, frames);
        if (stack != NULL) {
            Py_INCREF(stack);
        }
        else if (!PyErr_Occurred()) {
            stack = CHANGING(PyObject_CallOneArg((PyObject *)stack_type, frames));
            if (stack != NULL && PyDict_SetItem(run->stacks, frames, stack) < 0) {
                Py_CLEAR(stack);
            }
        }
        Py_DECREF(frames);
        if (stack == NULL) {
            return NULL;
        }
        store_new(&SLOT(actor, actor, stack), stack);
    }
    PyObject *stack = SLOT(actor, actor, stack);
    if (stack == Py_None) {
        stack = run->no_callers;
    }
    Found *found = NULL;
    int64_t number = 0, at = 0;
    if (PyLong_CheckExact(code) && PyLong_CheckExact(offset)) {
        int too_long, much_too_long;
        number = PyLong_AsLongLongAndOverflow(code, &too_long);
        at = PyLong_AsLongLongAndOverflow(offset, &much_too_long);
        if (!too_long && !much_too_long) {
            uint64_t key = (uint64_t)(uintptr_t)stack >> 4 ^ (uint64_t)number * 31 ^ (uint64_t)at;
            found = &run->found[key * 0x9E3779B97F4A7C15u >> (64 - REMEMBERED_BITS)];
            if (found->stack == stack && found->code == number && found->offset == at) {
                return Py_NewRef(found->site);
            }
        }
    }
    PyObject *innermost = PyTuple_Pack(2, code, offset);
    if (innermost == NULL) {
        return NULL;
    }
    PyObject *site = PyDict_GetItemWithError(SLOT(stack, stack, sites), innermost);
    if (site != NULL) {
        Py_INCREF(site);
    }
    else if (!PyErr_Occurred()) {
        site = CHANGING(PyObject_CallMethodObjArgs(run->replay, str__new_site, stack, innermost, NULL));
    }
    Py_DECREF(innermost);
    if (site != NULL && found != NULL) {
        *found = (Found){stack, site, number, at};
    }
    return site;
}

static int
open_frame(PyObject *actor, int64_t depth, PyObject *code, PyObject *offset)
{
    if (depth <= 1) {
        PyObject *open = PyList_New(0);
        if (open == NULL) {
            return -1;
        }
        store_new(&SLOT(actor, actor, stack_open), open);
    }
    PyObject *open = SLOT(actor, actor, stack_open);
    if (depth < 1 || open == Py_None) {
        return 0;
    }
    PyObject *frame = PyTuple_Pack(2, code, offset);
    int result = frame == NULL ? -1 : PyList_Append(open, frame);
    Py_XDECREF(frame);
    return result;
}

/* Tell whether there is nobody else in a table of sections by actor. */
static inline int
has_only(PyObject *sections, PyObject *actor)
{
    Py_ssize_t at = 0;
    PyObject *number, *section;
    switch (PyDict_GET_SIZE(sections)) {
    case 0:
        return 1;
    case 1:
        PyDict_Next(sections, &at, &number, &section);
        return SLOT(section, held, actor) == actor;
    default:
        return 0;
    }
}

/* Conflicts.meet, if nobody else is found; 0 if it has to be asked. */
static int
meets_nobody(PyObject *conflicts, PyObject *variable, int64_t bits, PyObject *held, PyObject *actor)
{
    PyObject *variables = SLOT(SLOT(conflicts, conflicts, _variables), aging, young);
    PyObject *done = PyDict_GetItemWithError(variables, variable);
    if (done == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *wrote = SLOT(done, done, wrote), *grew = SLOT(done, done, grew);
    PyObject *read = SLOT(done, done, read);
    if (SLOT(held, held, actor) != actor
        || (wrote != Py_None && SLOT(wrote, held, actor) != actor)
        || (bits != GROW_BIT && !has_only(grew, actor))
        || (bits & (WRITE_BIT | GROW_BIT) && !has_only(read, actor))) {
        return 0;
    }
    if (bits & WRITE_BIT) {
        PyDict_Clear(read);
        PyDict_Clear(grew);
        SET(done, done, wrote, held);
        return 1;
    }
    PyObject *latest = bits & GROW_BIT ? grew : read;
    if (PyDict_GET_SIZE(latest) >= ACTORS_KEPT) {
        return 0;
    }
    return PyDict_SetItem(latest, SLOT(actor, actor, number), held) < 0 ? -1 : 1;
}

static int
learn_causally(PyObject *actor, PyObject *message)
{
    PyObject *sender = SLOT(message, message, actor);
    if (sender != Py_None
        && known(SLOT(actor, actor, hard), sender) >= NUMBER(message, message, epoch)) {
        return 0;
    }
    PyObject *arguments[] = {actor, message};
    return done_with(CHANGING(PyObject_Vectorcall(the_learn_causally, arguments, 2, NULL)));
}

/* What one critical section of an actor learns from those that conflict with an access in it. */
static int
order_in(Run *run, PyObject *actor, PyObject *held, PyObject *variable, int64_t bits,
         PyObject *site)
{
    PyObject *guard = SLOT(held, held, guard), *done = SLOT(held, held, done);
    if (!same_number(SLOT(held, held, segment), SLOT(actor, actor, segment))
        && done_with(CHANGING(PyObject_CallMethodObjArgs(run->replay, str__sleeps, actor, guard, NULL))) < 0) {
        return -1;
    }
    PyObject *before = PyDict_GetItemWithError(done, variable);
    if (before == NULL && PyErr_Occurred()) {
        return -1;
    }
    int64_t had = before == NULL ? 0 : number_in(before);
    if (!(bits & ~had)) {
        return 0;
    }
    PyObject *has = PyLong_FromLongLong(had | bits);
    int kept = has == NULL ? -1 : PyDict_SetItem(done, variable, has);
    Py_XDECREF(has);
    if (kept < 0) {
        return -1;
    }
    PyObject *conflicts = SLOT(guard, guard, conflicts);
    PyObject *older = SLOT(conflicts, conflicts, older);
    if (older != Py_None && learn_causally(actor, older) < 0) {
        return -1;
    }
    int nobody = meets_nobody(conflicts, variable, bits, held, actor);
    if (nobody != 0) {
        return nobody < 0 ? -1 : 0;
    }
    PyObject *number = PyLong_FromLongLong(bits);
    PyObject *found = number == NULL ? NULL
        : CHANGING(PyObject_CallMethodObjArgs(conflicts, str_meet, variable, number, held, NULL));
    Py_XDECREF(number);
    if (found == NULL) {
        return -1;
    }
    int result = 0;
    for (Py_ssize_t at = 0; result == 0 && at < PyList_GET_SIZE(found); at++) {
        PyObject *other = PyList_GET_ITEM(found, at), *message = SLOT(other, held, end);
        if (message == Py_None) {
            continue;
        }
        Py_INCREF(message);
        number = PyLong_FromLongLong(bits);
        result = number == NULL ? -1 : done_with(PyObject_CallMethodObjArgs(
            run->replay, str__note_conflict, actor, SLOT(SLOT(other, held, actor), actor, number),
            variable, number, SLOT(message, message, epoch), site, NULL));
        Py_XDECREF(number);
        if (result == 0) {
            result = learn_causally(actor, message);
        }
        Py_DECREF(message);
    }
    Py_DECREF(found);
    return result;
}

/* Return the values of a dict as a tuple. */
static PyObject *
values_of(PyObject *dict)
{
    PyObject *values = PyTuple_New(PyDict_GET_SIZE(dict)), *key, *value;
    Py_ssize_t at = 0, to = 0;
    while (values != NULL && PyDict_Next(dict, &at, &key, &value)) {
        PyTuple_SET_ITEM(values, to++, Py_NewRef(value));
    }
    return values;
}

/* Access(), without held sections; a new reference.  Steals index. */
static PyObject *
new_access(PyObject *index, PyObject *kind, PyObject *variable, PyObject *actor, PyObject *site)
{
    PyObject *made = index == NULL ? NULL : made_of(access_spare);
    if (made == NULL) {
        Py_XDECREF(index);
        return NULL;
    }
    SLOT(made, access, index) = index;
    SLOT(made, access, kind) = Py_NewRef(kind);
    SLOT(made, access, site) = Py_NewRef(site);
    SLOT(made, access, held) = Py_NewRef(no_tuple);
    SLOT(made, access, variable) = Py_NewRef(variable);
    SLOT(made, access, actor) = Py_NewRef(actor);
    SLOT(made, access, epoch) = Py_NewRef(SLOT(actor, actor, epoch));
    SLOT(made, access, base) = Py_NewRef(SLOT(actor, actor, base));
    SLOT(made, access, hard) = Py_NewRef(SLOT(actor, actor, hard));
    SLOT(made, access, full) = Py_NewRef(SLOT(actor, actor, full));
    SLOT(made, access, locks) = Py_NewRef(SLOT(actor, actor, locks));
    SLOT(made, access, sections) = Py_NewRef(SLOT(actor, actor, sections));
    SLOT(made, access, segment) = Py_NewRef(SLOT(actor, actor, segment));
    SLOT(made, access, waits) = Py_NewRef(SLOT(actor, actor, waits));
    SLOT(made, access, borrowed) = Py_NewRef(no_tuple);
    SLOT(made, access, value) = Py_NewRef(Py_None);
    SLOT(made, access, has_value) = Py_NewRef(Py_False);
    SLOT(made, access, type_name) = Py_NewRef(no_text);
    SLOT(made, access, unchanged) = Py_NewRef(Py_False);
    SLOT(made, access, restores) = Py_NewRef(Py_False);
    SLOT(made, access, update_of) = Py_NewRef(Py_None);
    return made;
}

/* Replay._access; a new reference. */
static PyObject *
access_of(Run *run, PyObject *actor, int64_t kind, PyObject *variable, PyObject *code,
          PyObject *offset)
{
    PyObject *site = site_of(run, actor, code, offset);
    if (site == NULL) {
        return NULL;
    }
    SET(actor, actor, last, SLOT(actor, actor, epoch));
    PyObject *held = SLOT(actor, actor, held), *sections = no_tuple;
    if (PyDict_GET_SIZE(held)) {
        sections = values_of(held);
        for (Py_ssize_t at = 0; sections != NULL && at < PyTuple_GET_SIZE(sections); at++) {
            if (order_in(run, actor, PyTuple_GET_ITEM(sections, at), variable,
                         bits_of_kind[kind], site) < 0) {
                Py_CLEAR(sections);
            }
        }
    }
    else {
        Py_INCREF(sections);
    }
    PyObject *number = sections == NULL ? NULL : PyLong_FromLongLong(kind);
    PyObject *made = number == NULL ? NULL
        : new_access(PyLong_FromLongLong(run->index), number, variable, actor, site);
    Py_XDECREF(number);
    Py_DECREF(site);
    if (made == NULL) {
        Py_XDECREF(sections);
        return NULL;
    }
    store_new(&SLOT(made, access, held), sections);
    if (PyTuple_GET_SIZE(SLOT(actor, actor, borrowed))
        && done_with(CHANGING(PyObject_CallMethodObjArgs(run->replay, str__lend, actor, made, NULL))) < 0) {
        Py_CLEAR(made);
    }
    return made;
}

/* Divide a number, which may be a long one, into what is above some bits and these.
 * Return the upper part as a number, or -1 with an object in *upper, or NULL there and an error. */
static int64_t
divided(PyObject *whole, int bits, int64_t *lower, PyObject **upper)
{
    int overflow;
    int64_t value = PyLong_AsLongLongAndOverflow(whole, &overflow);
    *upper = NULL;
    *lower = -1;
    if (!overflow) {
        *lower = value & (((int64_t)1 << bits) - 1);
        return value >> bits;
    }
    PyObject *by = PyLong_FromLong(bits), *mask = PyLong_FromLongLong(((int64_t)1 << bits) - 1);
    PyObject *rest = mask == NULL ? NULL : PyNumber_And(whole, mask);
    if (by != NULL && rest != NULL) {
        *lower = number_in(rest);
        *upper = PyNumber_Rshift(whole, by);
    }
    Py_XDECREF(by);
    Py_XDECREF(mask);
    Py_XDECREF(rest);
    return -1;
}

static PyObject *
object_of(int64_t number, PyObject *object)
{
    return number >= 0 ? PyLong_FromLongLong(number) : object;
}

/* Tell whether the next op is the value of an access with this token. */
static int
has_value(PyObject *stream, Py_ssize_t at, PyObject *token)
{
    if (at + STRIDE > PyList_GET_SIZE(stream)) {
        return 0;
    }
    int64_t op;
    PyObject *upper;
    if (divided(PyList_GET_ITEM(stream, at + 1), OP_BITS, &op, &upper) < 0 && upper == NULL) {
        return -1;
    }
    Py_XDECREF(upper);
    if (op != VALUE) {
        return 0;
    }
    return PyObject_RichCompareBool(PyList_GET_ITEM(stream, at), token, Py_EQ);
}

/* Let Python code see how far it got, and go on with that. */
static int
write_back(Run *run)
{
    if (run->replay == NULL) {
        return 0;
    }
    if (run->serial != UNKNOWN) {
        if (write_number(run->replay, str__serial, run->serial) < 0) {
            return -1;
        }
        run->serial = UNKNOWN;
    }
    return write_number(run->replay, str_index, run->index);
}

/* Return the lock with a number (borrowed), if it was used lately; else NULL, and maybe an error. */
static PyObject *
lock_of(Run *run, PyObject *number)
{
    return PyDict_GetItemWithError(SLOT(run->locks, aging, young), number);
}

/* Return the frozenset of one critical section. */
static PyObject *
only_section(PyObject *lock, PyObject *serial)
{
    PyObject *section = PyTuple_Pack(2, lock, serial);
    PyObject *sections = section == NULL ? NULL : PyFrozenSet_New(NULL);
    if (sections != NULL && PySet_Add(sections, section) < 0) {
        Py_CLEAR(sections);
    }
    Py_XDECREF(section);
    return sections;
}

/* Return a new critical section. */
static PyObject *
new_held(Run *run, PyObject *actor, PyObject *number, PyObject *guard, PyObject *site)
{
    if (run->serial == UNKNOWN && (run->serial = number_of(run->replay, str__serial)) < 0) {
        return NULL;
    }
    PyObject *serial = PyLong_FromLongLong(run->serial + 1), *count = PyLong_FromLong(1);
    PyObject *done = PyDict_New(), *lent = PyList_New(0);
    PyObject *held = serial == NULL || count == NULL || done == NULL || lent == NULL ? NULL
        : made_of(held_spare);
    if (held == NULL) {
        Py_XDECREF(serial);
        Py_XDECREF(count);
        Py_XDECREF(done);
        Py_XDECREF(lent);
        return NULL;
    }
    run->serial++;
    SLOT(held, held, serial) = serial;
    SLOT(held, held, count) = count;
    SLOT(held, held, done) = done;
    SLOT(held, held, lent) = lent;
    SLOT(held, held, lock) = Py_NewRef(number);
    SLOT(held, held, actor) = Py_NewRef(actor);
    SLOT(held, held, start) = Py_NewRef(SLOT(actor, actor, epoch));
    SLOT(held, held, segment) = Py_NewRef(SLOT(actor, actor, segment));
    SLOT(held, held, end) = Py_NewRef(Py_None);
    SLOT(held, held, guard) = Py_NewRef(guard);
    SLOT(held, held, site) = Py_NewRef(site);
    SLOT(held, held, under) = Py_NewRef(SLOT(actor, actor, sections));
    SLOT(held, held, leaked) = Py_NewRef(Py_False);
    SLOT(held, held, passive) = Py_NewRef(Py_False);
    return held;
}

/* Learn in what order a lock was taken in this run. */
static int
learn_order(PyObject *actor, PyObject *last)
{
    PyObject *sender = SLOT(last, message, actor), *full = SLOT(actor, actor, full);
    if (known(full, sender) >= NUMBER(last, message, epoch)) {
        return 0;
    }
    PyObject *arguments[] = {full, SLOT(last, message, full), sender, SLOT(last, message, epoch)};
    PyObject *joined = CHANGING(PyObject_Vectorcall(the_join, arguments, 4, NULL));
    if (joined == NULL) {
        return -1;
    }
    store_new(&SLOT(actor, actor, full), joined);
    return 0;
}

/* Replay._take for an actor that holds nothing, and a lock that orders nothing but this run.
 * Return 1, -1, or 0 for what is left to Python. */
static int
take(Run *run, PyObject *actor, PyObject *number, PyObject *code, PyObject *offset)
{
    PyObject *held = PyDict_GetItemWithError(SLOT(actor, actor, held), number);
    if (held != NULL) {
        PyObject *site = site_of(run, actor, code, offset);
        Py_XDECREF(site);
        int64_t count = NUMBER(held, held, count);
        changes++;
        return site == NULL || set_number(&SLOT(held, held, count), count + 1) < 0 ? -1 : 1;
    }
    PyObject *lock = PyErr_Occurred() ? NULL : lock_of(run, number);
    if (lock == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *last = SLOT(lock, guard, last);
    int other = last != Py_None
        && !same_number(SLOT(last, message, actor), SLOT(actor, actor, number));
    if (PyDict_GET_SIZE(SLOT(actor, actor, held)) || PyTuple_GET_SIZE(SLOT(actor, actor, begun))
        || SLOT(lock, guard, signal) != Py_None || SLOT(lock, guard, told) != Py_None
        || (other && (SLOT(lock, guard, hard) == Py_True || SLOT(last, message, actor) == Py_None))
        || !same_number(SLOT(actor, actor, group), SLOT(actor, actor, number))) {
        return 0;
    }
    if (other && learn_order(actor, last) < 0) {
        return -1;
    }
    PyObject *site = site_of(run, actor, code, offset);
    held = site == NULL ? NULL : new_held(run, actor, number, lock, site);
    Py_XDECREF(site);
    PyObject *sections = held == NULL ? NULL : only_section(number, SLOT(held, held, serial));
    if (sections == NULL || PyDict_SetItem(SLOT(actor, actor, held), number, held) < 0) {
        Py_XDECREF(held);
        Py_XDECREF(sections);
        return -1;
    }
    Py_DECREF(held);
    SET(actor, actor, last, SLOT(actor, actor, epoch));
    SET(lock, guard, holder, actor);
    SET(actor, actor, locks, SLOT(lock, guard, alone));
    store_new(&SLOT(actor, actor, sections), sections);
    return 1;
}

/* Return what an actor that holds nothing knows. */
static PyObject *
new_message(PyObject *actor)
{
    PyObject *made = made_of(message_spare);
    if (made != NULL) {
        SLOT(made, message, actor) = Py_NewRef(SLOT(actor, actor, number));
        SLOT(made, message, epoch) = Py_NewRef(SLOT(actor, actor, epoch));
        SLOT(made, message, life) = Py_NewRef(SLOT(actor, actor, life));
        SLOT(made, message, base) = Py_NewRef(SLOT(actor, actor, base));
        SLOT(made, message, hard) = Py_NewRef(SLOT(actor, actor, hard));
        SLOT(made, message, full) = Py_NewRef(SLOT(actor, actor, full));
        SLOT(made, message, open) = Py_NewRef(no_tuple);
        SLOT(made, message, origin) = Py_NewRef(Py_None);
    }
    return made;
}

/* Tell whether a section sets what nobody watches, or may do: see Site.sets. */
static int
sets_something(PyObject *site)
{
    PyObject *names = SLOT(site, site, sets);
    return !PyAnySet_Check(names) || PySet_GET_SIZE(names) > 0;
}

/* Replay._release for an actor that holds nothing else; as take(). */
static int
release(Run *run, PyObject *actor, PyObject *number)
{
    PyObject *all = SLOT(actor, actor, held), *held = PyDict_GetItemWithError(all, number);
    PyObject *lock = held == NULL ? NULL : lock_of(run, number);
    if (lock == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    int64_t count = NUMBER(held, held, count);
    if (count > 1) {
        changes++;
        return set_number(&SLOT(held, held, count), count - 1) < 0 ? -1 : 1;
    }
    if (PyDict_GET_SIZE(all) > 1 || PyList_GET_SIZE(SLOT(held, held, lent))
        || SLOT(lock, guard, hard) == Py_True || sets_something(SLOT(held, held, site))
        || !same_number(SLOT(held, held, segment), SLOT(actor, actor, segment))) {
        return 0;
    }
    PyObject *message = new_message(actor);
    if (message == NULL) {
        return -1;
    }
    SET(held, held, end, message);
    set_number(&SLOT(held, held, count), 0);
    SET(lock, guard, last, message);
    SET(lock, guard, holder, Py_None);
    SET(lock, guard, waited, Py_False);
    SET(lock, guard, passive, SLOT(held, held, passive));
    if (SLOT(held, held, passive) != Py_True) {
        SET(lock, guard, active, message);
    }
    Py_DECREF(message);
    SET(actor, actor, locks, no_locks);
    SET(actor, actor, sections, no_locks);
    return PyDict_DelItem(all, number) < 0 || PyErr_Occurred() ? -1 : 1;
}

/* Apply one op that is no access, and no part of one. */
static int
handle(Run *run, int64_t op, PyObject *actor, PyObject *subject, PyObject *thing,
       PyObject *argument)
{
    PyObject *number = PyLong_FromLongLong(op);
    PyObject *handler = number == NULL ? NULL : PyDict_GetItemWithError(run->handlers, number);
    Py_XDECREF(number);
    if (handler == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *arguments[] = {actor, subject, thing, argument};
    return done_with(CHANGING(PyObject_Vectorcall(handler, arguments, 4, NULL)));
}

/* Replay ops from *at on, until something has to be waited for. */
static int
run_ops(Run *run, PyObject *stream, Py_ssize_t *at, int patient, PyObject *until)
{
    PyObject *actor = NULL;  /* a reference of ours */
    int64_t actor_number = -1, actor_epoch = -1;
    PyObject *subject = NULL, *upper = NULL;
    int result = -1;
    Loop loop = {.retry = 0};
    int64_t changes_before = changes;
    begin_loop(&loop, *at / STRIDE);
    loop.changed = loop.begin - 1;
    for (int at_key = 0; at_key < 1 << PLACES_BITS; at_key++) {
        loop.latest[at_key] = -1;
    }
    for (; *at + STRIDE <= PyList_GET_SIZE(stream); *at += STRIDE) {
        int64_t place = *at / STRIDE;
        if (changes != changes_before) {
            changes_before = changes;
            loop.changed = place - 1;
        }
        if (actor != NULL && actor_number >= 0) {
            int64_t passed = passed_over(run, &loop, stream, place, actor_number);
            *at += passed * STRIDE;
            place += passed;
        }
        PyObject *token = PyList_GET_ITEM(stream, *at), *thing = PyList_GET_ITEM(stream, *at + 2);
        PyObject *argument = PyList_GET_ITEM(stream, *at + 3);
        int64_t op, epoch, about, number;
        Py_CLEAR(upper);
        Py_CLEAR(subject);
        about = divided(PyList_GET_ITEM(stream, *at + 1), OP_BITS, &op, &subject);
        if (about < 0 && subject == NULL) {
            goto over;
        }
        if (op == TIME) {
            begin_loop(&loop, place + 1);
            int later = PyObject_RichCompareBool(argument, until, Py_GT);
            if (later != 0) {
                result = later < 0 ? -1 : 0;
                goto over;
            }
            continue;
        }
        number = divided(token, EPOCH_BITS, &epoch, &upper);
        if (number < 0 && upper == NULL) {
            goto over;
        }
        if (actor == NULL || number < 0 || number != actor_number) {
            Py_CLEAR(actor);
            PyObject *name = object_of(number, upper);
            if (name == NULL) {
                goto over;
            }
            upper = name;
            actor = PyDict_GetItemWithError(run->actors, name);
            if (actor != NULL) {
                Py_INCREF(actor);
            }
            else {
                PyObject *of = PyErr_Occurred() ? NULL : PyLong_FromLongLong(epoch);
                actor = of == NULL || write_back(run) < 0 ? NULL
                    : CHANGING(PyObject_CallMethodObjArgs(run->replay, str__appears, name, of, NULL));
                Py_XDECREF(of);
                if (actor == NULL) {
                    goto over;
                }
            }
            actor_number = number;
            actor_epoch = -1;
            begin_loop(&loop, place);
        }
        if (number >= 0 && about >= 0) {
            Op noted = {epoch, about << OP_BITS | op, thing, argument};
            note(&loop, place, noted);
        }
        else {
            begin_loop(&loop, place + 1);
        }
        if (epoch != actor_epoch) {
            if (set_number(&SLOT(actor, actor, epoch), epoch) < 0) {
                goto over;
            }
            actor_epoch = epoch;
        }
        if (op == FRAME) {
            if (open_frame(actor, about, thing, argument) < 0) {
                goto over;
            }
            continue;
        }
        subject = object_of(about, subject);
        if (subject == NULL) {
            goto over;
        }
        run->index++;
        if (op <= LAST_ACCESS) {
            PyObject *access = access_of(run, actor, op, subject, thing, argument);
            if (access == NULL) {
                goto over;
            }
            int more = has_value(stream, *at + STRIDE, token), failed = more < 0;
            if (more > 0) {
                PyObject *type = PyList_GET_ITEM(stream, *at + STRIDE + 2);
                PyObject *value = PyList_GET_ITEM(stream, *at + STRIDE + 3);
                if (same_number(type, zero)) {
                    SET(access, access, value, value);
                    SET(access, access, has_value, Py_True);
                }
                else {
                    failed = done_with(PyObject_CallMethodObjArgs(run->replay, str__value, access,
                                                                  type, value, NULL)) < 0;
                }
            }
            if (!failed) {
                failed = run->inlined
                    ? analyse(run, access, actor, op) < 0
                    : write_back(run) < 0 || done_with(CHANGING(
                        PyObject_CallMethodOneArg(run->detector, str_access, access))) < 0;
            }
            Py_DECREF(access);
            if (failed) {
                goto over;
            }
            if (more > 0) {
                *at += STRIDE;
                run->index++;
                if (number >= 0 && about >= 0) {
                    Op noted = {epoch, about << OP_BITS | VALUE,
                                PyList_GET_ITEM(stream, *at + 2), PyList_GET_ITEM(stream, *at + 3)};
                    note(&loop, *at / STRIDE, noted);
                }
                else {
                    begin_loop(&loop, *at / STRIDE + 1);
                }
            }
            continue;
        }
        if (op == VALUE) {
            continue;
        }
        if (op >= ACQUIRE && op <= RELEASE && run->takes_locks) {
            int done = op == RELEASE ? release(run, actor, subject)
                : take(run, actor, subject, thing, argument);
            if (done != 0) {
                if (done < 0) {
                    goto over;
                }
                continue;
            }
        }
        if (write_back(run) < 0) {
            goto over;
        }
        if (op == REMOTE_RECEIVE) {
            PyObject *answer = PyObject_CallMethodObjArgs(
                run->replay, str__receive_remotely, actor, argument,
                patient ? Py_True : Py_False, NULL);
            if (answer == NULL) {
                goto over;
            }
            Py_DECREF(answer);
            if (answer == Py_False) {
                run->index--;
                result = 0;
                goto over;
            }
            continue;
        }
        if (handle(run, op, actor, subject, thing, argument) < 0) {
            goto over;
        }
        Py_CLEAR(actor);  /* it may have retired */
    }
    *at = PyList_GET_SIZE(stream);
    result = 0;
over:
    Py_XDECREF(actor);
    Py_XDECREF(subject);
    Py_XDECREF(upper);
    return result;
}

/* ------------------------------------------------------------------ the module */

static int
attribute(PyObject *object, PyObject *name, PyObject **to)
{
    *to = PyObject_GetAttr(object, name);
    return *to == NULL ? -1 : 0;
}

static int
begin_analysis(Run *run)
{
    if (attribute(run->detector, str_shadows, &run->shadows) < 0
        || attribute(run->detector, str__touched, &run->touched) < 0
        || attribute(run->detector, str_pairs, &run->pairs) < 0
        || attribute(run->pairs, str_known, &run->known_pairs) < 0
        || attribute(run->pairs, str_matters, &run->matters) < 0
        || attribute(run->detector, str__raced, &run->raced) < 0
        || attribute(run->detector, str__violated, &run->violated) < 0
        || attribute(run->detector, str_flags, &run->flags) < 0
        || attribute(run->detector, str_races, &run->races) < 0
        || attribute(run->detector, str_violations, &run->violations) < 0) {
        return -1;
    }
    run->sought.changes = changes - 1;
    run->settles = Py_TYPE(run->detector) == settling_type;
    run->accesses = number_of(run->detector, str_accesses);
    return PyErr_Occurred() ? -1 : 0;
}

static int
begin(Run *run)
{
    if (attribute(run->replay, str_detector, &run->detector) < 0
        || attribute(run->replay, str_actors, &run->actors) < 0
        || attribute(run->replay, str__stacks, &run->stacks) < 0
        || attribute(run->replay, str__no_callers, &run->no_callers) < 0
        || attribute(run->replay, str__locks, &run->locks) < 0
        || attribute(run->replay, str__handlers, &run->handlers) < 0) {
        return -1;
    }
    run->index = number_of(run->replay, str_index);
    run->takes_locks = (int)number_of(run->replay, str__locks_in_c);
    run->inlined = Py_TYPE(run->detector) == (PyTypeObject *)the_analyzer;
    if (run->inlined && begin_analysis(run) < 0) {
        return -1;
    }
    return PyErr_Occurred() ? -1 : 0;
}

static void
end(Run *run)
{
    Py_XDECREF(run->detector);
    Py_XDECREF(run->actors);
    Py_XDECREF(run->stacks);
    Py_XDECREF(run->no_callers);
    Py_XDECREF(run->handlers);
    Py_XDECREF(run->locks);
    Py_XDECREF(run->shadows);
    Py_XDECREF(run->touched);
    Py_XDECREF(run->pairs);
    Py_XDECREF(run->known_pairs);
    Py_XDECREF(run->matters);
    Py_XDECREF(run->raced);
    Py_XDECREF(run->violated);
    Py_XDECREF(run->flags);
    Py_XDECREF(run->races);
    Py_XDECREF(run->violations);
}

/* Tell the Python objects how far it got; an error that is on its way stays. */
static int
tell(Run *run)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    int result = write_back(run);
    if (result == 0 && run->inlined) {
        result = write_number(run->detector, str_accesses, run->accesses);
    }
    if (type != NULL) {
        PyErr_Restore(type, value, traceback);
        return -1;
    }
    return result;
}

PyDoc_STRVAR(feed_doc,
"feed(replay, stream, start, patient, until)\n--\n\n"
"Replay ops from ``start`` on, as ``Replay.feed`` does, and return where that stopped.");

static PyObject *
feed(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (!is_configured || count != 5 || !PyObject_TypeCheck(args[0], (PyTypeObject *)the_replay)
        || !PyList_CheckExact(args[1])) {
        PyErr_SetString(PyExc_TypeError, "feed() takes a Replay, a list of ops, where to start, "
                        "whether to wait, and until when");
        return NULL;
    }
    Py_ssize_t at = PyLong_AsSsize_t(args[2]);
    int patient = PyObject_IsTrue(args[3]);
    if (PyErr_Occurred()) {
        return NULL;
    }
    Found found[REMEMBERED] = {{NULL, NULL, 0, 0}};
    Run run = {.replay = args[0], .serial = UNKNOWN, .found = found};
    int result = begin(&run);
    if (result == 0) {
        result = run_ops(&run, args[1], &at, patient, args[4]);
        if (tell(&run) < 0) {
            result = -1;
        }
    }
    end(&run);
    return result < 0 ? NULL : PyLong_FromSsize_t(at);
}

PyDoc_STRVAR(analyse_doc,
"analyse(analyzer, access)\n--\n\n"
"Do what ``Analyzer.access`` does, whatever a subclass makes of that method.");

static PyObject *
analyse_one(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (!is_configured || count != 2 || !PyObject_TypeCheck(args[0], (PyTypeObject *)the_analyzer)
        || Py_TYPE(args[1]) != access_type) {
        PyErr_SetString(PyExc_TypeError, "analyse() takes an Analyzer and an Access");
        return NULL;
    }
    Run run = {.serial = UNKNOWN, .detector = Py_NewRef(args[0]), .inlined = 1};
    PyObject *actor = Py_NewRef(SLOT(args[1], access, actor));
    int result = begin_analysis(&run);
    if (result == 0) {
        result = analyse(&run, args[1], actor, kind_of(args[1]));
        if (tell(&run) < 0) {
            result = -1;
        }
    }
    Py_DECREF(actor);
    end(&run);
    return result < 0 ? NULL : Py_NewRef(Py_None);
}

PyDoc_STRVAR(remember_doc,
"remember(analyzer, shadow, access)\n--\n\nDo what ``Analyzer.remember`` does.");

static PyObject *
remember(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (!is_configured || count != 3 || !PyObject_TypeCheck(args[0], (PyTypeObject *)the_analyzer)
        || Py_TYPE(args[1]) != shadow_type || Py_TYPE(args[2]) != access_type) {
        PyErr_SetString(PyExc_TypeError, "remember() takes an Analyzer, a Shadow and an Access");
        return NULL;
    }
    Run run = {.serial = UNKNOWN, .detector = Py_NewRef(args[0]), .inlined = 1};
    int result = begin_analysis(&run);
    if (result == 0) {
        result = remember_in(&run, args[1], args[2]);
    }
    end(&run);
    return result < 0 ? NULL : Py_NewRef(Py_None);
}

PyDoc_STRVAR(stamp_doc,
"stamp(index, kind, variable, actor, site)\n--\n\n"
"Return what ``Access(index, kind, variable, actor, actor.epoch, site)`` does.");

static PyObject *
stamp(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (!is_configured || count != 5 || !PyLong_CheckExact(args[0]) || !PyLong_CheckExact(args[1])
        || Py_TYPE(args[3]) != actor_type || Py_TYPE(args[4]) != site_type) {
        PyErr_SetString(PyExc_TypeError, "stamp() takes an index, a kind, a variable, an actor and "
                        "a site");
        return NULL;
    }
    return new_access(Py_NewRef(args[0]), args[1], args[2], args[3], args[4]);
}

PyDoc_STRVAR(message_doc,
"message(actor)\n--\n\n"
"Return what ``Replay._message`` does for an actor that holds nothing and takes no turns.");

static PyObject *
message_of(PyObject *module, PyObject *actor)
{
    if (!is_configured || Py_TYPE(actor) != actor_type) {
        PyErr_SetString(PyExc_TypeError, "message() takes an actor");
        return NULL;
    }
    PyObject *made = new_message(actor);
    if (made != NULL) {
        SET(made, message, open, SLOT(actor, actor, begun));
        SET(made, message, origin, SLOT(actor, actor, origin));
    }
    return made;
}

/* Find out where a slot of a class is. */
static int
find_slot(PyTypeObject *class, const char *name, Py_ssize_t *offset)
{
    PyObject *member = PyObject_GetAttrString((PyObject *)class, name);
    if (member == NULL) {
        return -1;
    }
    if (!Py_IS_TYPE(member, &PyMemberDescr_Type)
        || ((PyMemberDescrObject *)member)->d_member->type != T_OBJECT_EX) {
        PyErr_Format(PyExc_TypeError, "%s.%s is no slot", class->tp_name, name);
        Py_DECREF(member);
        return -1;
    }
    *offset = ((PyMemberDescrObject *)member)->d_member->offset;
    Py_DECREF(member);
    return 0;
}

static PyObject *
item(PyObject *dict, const char *name)
{
    PyObject *found = PyDict_GetItemString(dict, name);
    if (found == NULL) {
        PyErr_Format(PyExc_TypeError, "%s is missing", name);
    }
    return found;
}

static int
table(PyObject *dict, const char *name, int64_t *to)
{
    PyObject *numbers = item(dict, name);
    for (Py_ssize_t at = 0; numbers != NULL && at <= LAST_ACCESS; at++) {
        PyObject *number = PySequence_GetItem(numbers, at);
        if (number == NULL) {
            return -1;
        }
        to[at] = number_in(number);
        Py_DECREF(number);
    }
    return numbers == NULL || PyErr_Occurred() ? -1 : 0;
}

/* Find the classes of a list in the dict `classes`, and their slots; what is in `things`. */
#define TAKE_CLASS(name) \
    { \
        PyObject *found = item(classes, #name); \
        if (found == NULL || !PyType_Check(found)) { \
            return NULL; \
        } \
        Py_XDECREF(name##_type); \
        name##_type = (PyTypeObject *)Py_NewRef(found); \
    }
#define TAKE_SLOT(class, name) \
    if (find_slot(class##_type, #name, &class##__##name) < 0) { \
        return NULL; \
    }
#define TAKE_THING(name) \
    { \
        PyObject *found = item(things, #name); \
        if (found == NULL) { \
            return NULL; \
        } \
        Py_XDECREF(the_##name); \
        the_##name = Py_NewRef(found); \
    }
#define TAKE_CLASSES(class_list, slot_list) class_list(TAKE_CLASS) slot_list(TAKE_SLOT)

PyDoc_STRVAR(configure_doc,
"configure(classes, things, tables)\n--\n\nTell what the Python code calls the same.");

static PyObject *
configure(PyObject *module, PyObject *args)
{
    PyObject *classes, *things, *tables;
    if (!PyArg_ParseTuple(args, "O!O!O!:configure", &PyDict_Type, &classes, &PyDict_Type, &things,
                          &PyDict_Type, &tables)) {
        return NULL;
    }
    TAKE_CLASSES(CLASSES, SLOTS)
    THINGS(TAKE_THING)
    if (table(tables, "races", racing_kinds) < 0 || table(tables, "item_races", item_racing_kinds) < 0
        || table(tables, "with_whole", kinds_with_whole) < 0
        || table(tables, "with_items", kinds_with_items) < 0
        || table(tables, "bits", bits_of_kind) < 0) {
        return NULL;
    }
#define TAKE(name) use_spares(name##_spare, name##_type, name##_type->tp_base);
    SHORT_LIVED(TAKE)
#undef TAKE
    is_configured = 1;
    Py_RETURN_NONE;
}

#include "_by_hand.h"
#include "_stored.h"

static PyMethodDef methods[] = {
    {"feed", (PyCFunction)(void (*)(void))feed, METH_FASTCALL, feed_doc},
    {"analyse", (PyCFunction)(void (*)(void))analyse_one, METH_FASTCALL, analyse_doc},
    {"remember", (PyCFunction)(void (*)(void))remember, METH_FASTCALL, remember_doc},
    {"stamp", (PyCFunction)(void (*)(void))stamp, METH_FASTCALL, stamp_doc},
    {"message", message_of, METH_O, message_doc},
    {"follow", (PyCFunction)(void (*)(void))follow, METH_FASTCALL, follow_doc},
    {"configure", configure, METH_VARARGS, configure_doc},
    {"events_of", events_of, METH_O, events_of_doc},
    {"configure_lines", configure_lines, METH_VARARGS, configure_lines_doc},
    {"configure_sdk", configure_sdk, METH_VARARGS, configure_sdk_doc},
    {NULL, NULL, 0, NULL},
};

static int
module_exec(PyObject *module)
{
    if (no_tuple != NULL) {
        return 0;
    }
    PyObject *clocks = PyImport_ImportModule("raceway.model._clocks");
    PyObject *type = clocks == NULL ? NULL : PyObject_GetAttrString(clocks, "Clock");
    PyObject *capsule = type == NULL ? NULL : PyObject_GetAttrString(clocks, "_epoch_of");
    Py_XDECREF(clocks);
    if (capsule == NULL) {
        Py_XDECREF(type);
        return -1;
    }
    clock_type = (PyTypeObject *)type;
    epoch_of = (EpochOf)PyCapsule_GetPointer(capsule, "raceway.model._clocks._epoch_of");
    Py_DECREF(capsule);  /* the function stays where it is */
    if (epoch_of == NULL) {
        return -1;
    }
#define INTERN(name) \
    if ((str_##name = PyUnicode_InternFromString(#name)) == NULL) { \
        return -1; \
    }
    NAMES(INTERN)
#undef INTERN
    no_text = PyUnicode_FromString("");
    no_locks = PyFrozenSet_New(NULL);
    zero = PyLong_FromLong(0);
    no_tuple = PyTuple_New(0);
    return no_text == NULL || no_locks == NULL || zero == NULL || no_tuple == NULL ? -1 : 0;
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
    .m_name = "raceway.pipeline._replay",
    .m_doc = "The innermost loop of the analysis.",
    .m_size = 0,
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__replay(void)
{
    return PyModuleDef_Init(&definition);
}
