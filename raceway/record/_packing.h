/* Chunks as bytes: packing.py says what they look like. */

#ifndef RACEWAY_PACKING_H
#define RACEWAY_PACKING_H

#define FORM_MASK 3
#define OTHER_ACTOR 4
#define EPOCH_SHIFT 3 /* of two bits */
#define EPOCH_AS_BEFORE 0
#define EPOCH_IS_NEXT 1
#define EPOCH_GIVEN 2
#define OTHER_THING 32

typedef struct {
    PyObject *bytes;
    unsigned char *at, *end;
} Writer;

static int
make_writer_longer(Writer *writer, Py_ssize_t size)
{
    unsigned char *start = (unsigned char *)PyBytes_AS_STRING(writer->bytes);
    Py_ssize_t used = writer->at - start, room = 2 * (writer->end - start) + size;
    if (_PyBytes_Resize(&writer->bytes, room) < 0) {
        return -1;
    }
    start = (unsigned char *)PyBytes_AS_STRING(writer->bytes);
    writer->at = start + used;
    writer->end = start + room;
    return 0;
}

static inline int
reserve(Writer *writer, Py_ssize_t size)
{
    return writer->end - writer->at >= size ? 0 : make_writer_longer(writer, size);
}

/* For the following there is room. */

#define LONGEST_NUMBER 10

static inline void
write_unsigned(Writer *writer, uint64_t value)
{
    while (value > 0x7F) {
        *writer->at++ = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    *writer->at++ = (unsigned char)value;
}

static inline void
write_signed(Writer *writer, int64_t value)
{
    write_unsigned(writer, (uint64_t)value << 1 ^ (value < 0 ? ~(uint64_t)0 : 0));
}

static int write_tuple(Writer *, PyObject *);

/* Text that is not ASCII: 1, 0 for half a surrogate pair, or -1. */
static int
write_text(Writer *writer, PyObject *item)
{
    PyObject *bytes = PyUnicode_AsUTF8String(item);
    if (bytes == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
            return -1;
        }
        PyErr_Clear();
        return 0;
    }
    Py_ssize_t length = PyBytes_GET_SIZE(bytes);
    int failed = reserve(writer, length + LONGEST_NUMBER + 1);
    if (!failed) {
        *writer->at++ = 'U';
        write_unsigned(writer, (uint64_t)length);
        memcpy(writer->at, PyBytes_AS_STRING(bytes), length);
        writer->at += length;
    }
    Py_DECREF(bytes);
    return failed ? -1 : 1;
}

/* Return 1, 0 for what has to be written in another way, or -1. */
static int
write_scalar(Writer *writer, PyObject *item)
{
    if (PyTuple_CheckExact(item)) {
        return write_tuple(writer, item);
    }
    if (PyLong_CheckExact(item)) {
        int overflow;
        long long value = PyLong_AsLongLongAndOverflow(item, &overflow);
        if (overflow) {
            return 0;
        }
        *writer->at++ = 'i';
        write_signed(writer, value);
        return 1;
    }
    if (item == Py_None || PyBool_Check(item)) {
        *writer->at++ = item == Py_None ? 'N' : item == Py_True ? 'T' : 'F';
        return 1;
    }
    if (PyFloat_CheckExact(item)) {
        double value = PyFloat_AS_DOUBLE(item);
        uint64_t bits;
        memcpy(&bits, &value, sizeof(bits));
        *writer->at++ = 'g';
        for (int byte = 0; byte < 8; byte++) {
            *writer->at++ = (unsigned char)(bits >> 8 * byte);
        }
        return 1;
    }
    if (!PyUnicode_CheckExact(item) || !PyUnicode_IS_READY(item)) {
        return 0;
    }
    if (!PyUnicode_IS_ASCII(item)) {
        return write_text(writer, item);
    }
    Py_ssize_t length = PyUnicode_GET_LENGTH(item);
    if (reserve(writer, length + LONGEST_NUMBER + 1) < 0) {
        return -1;
    }
    *writer->at++ = 'u';
    write_unsigned(writer, (uint64_t)length);
    memcpy(writer->at, PyUnicode_1BYTE_DATA(item), length);
    writer->at += length;
    return 1;
}

/* What belongs to an op that has more to say than one scalar, such as a request. */
static int
write_tuple(Writer *writer, PyObject *items)
{
    Py_ssize_t length = PyTuple_GET_SIZE(items);
    if (reserve(writer, LONGEST_NUMBER + 1) < 0) {
        return -1;
    }
    *writer->at++ = 't';
    write_unsigned(writer, (uint64_t)length);
    int written = 1;
    for (Py_ssize_t at = 0; written == 1 && at < length; at++) {
        PyObject *item = PyTuple_GET_ITEM(items, at);
        written = PyTuple_CheckExact(item) ? 0 /* no op has one */
            : reserve(writer, LONGEST_NUMBER + 1) < 0 ? -1 : write_scalar(writer, item);
    }
    return written;
}

#define RECENT 64 /* a power of two */

/* Numbers by address, and those that were asked for last. */
typedef struct {
    PyObject *known, *fresh;
    PyObject *missing; /* what has none, by address; NULL as long as there is nothing */
    struct { PyObject *thing; int64_t number; } recent[RECENT];
} Numbers;

static int
look_up_number(Numbers *numbers, PyObject *thing, int entry)
{
    PyObject *address = PyLong_FromVoidPtr(thing);
    PyObject *found = address == NULL ? NULL : PyDict_GetItemWithError(numbers->known, address);
    if (found == NULL && !PyErr_Occurred()) {
        found = PyDict_GetItemWithError(numbers->fresh, address);
    }
    if (found != NULL) {
        numbers->recent[entry].number = PyLong_AsLongLong(found);
        numbers->recent[entry].thing = thing;
    }
    else if (!PyErr_Occurred()) {
        if (numbers->missing == NULL) {
            numbers->missing = PyDict_New();
        }
        if (numbers->missing != NULL) {
            PyDict_SetItem(numbers->missing, address, thing);
        }
    }
    Py_XDECREF(address);
    return PyErr_Occurred() ? -1 : 0;
}

/* Find the number of an object; -1 on failure. */
static inline int
number_of(Numbers *numbers, PyObject *thing, int64_t *number)
{
    int entry = (int)((uintptr_t)thing >> 4 & (RECENT - 1));
    if (numbers->recent[entry].thing != thing && look_up_number(numbers, thing, entry) < 0) {
        return -1;
    }
    *number = numbers->recent[entry].number;
    return 0;
}

/* What the next op is told in terms of. */
typedef struct {
    uint64_t epoch;
    uint32_t actor;
    int64_t number;
} Before;

/* Return 1, 0 for what has to be written in another way, or -1. */
static inline int
write_op(Writer *writer, const Op *op, Numbers *numbers, Before *before)
{
    int form = form_of(op);
    PyObject *object = op->thing, *argument = NULL;
    int64_t number = 0;
    if (form == WHOLE || op->subject < 0) {
        return 0;
    }
    if (reserve(writer, 6 * LONGEST_NUMBER) < 0) {
        return -1;
    }
    if (form == SCALAR) {
        argument = object;
        object = NULL;
    }
    else if (form == PAIR) {
        argument = PyTuple_GET_ITEM(object, 1);
        object = PyTuple_GET_ITEM(object, 0);
    }
    if (object != NULL && number_of(numbers, object, &number) < 0) {
        return -1;
    }
    uint64_t epoch = epoch_of(op);
    unsigned char *flags = writer->at++;
    *flags = (unsigned char)form;
    if (op->actor != before->actor) {
        *flags |= OTHER_ACTOR;
        write_unsigned(writer, before->actor = op->actor);
    }
    if (epoch != before->epoch) {
        int is_next = epoch == before->epoch + 1;
        *flags |= (is_next ? EPOCH_IS_NEXT : EPOCH_GIVEN) << EPOCH_SHIFT;
        if (!is_next) {
            write_unsigned(writer, epoch);
        }
        before->epoch = epoch;
    }
    write_unsigned(writer, (uint64_t)op->subject);
    if (number != before->number) {
        *flags |= OTHER_THING;
        write_unsigned(writer, (uint64_t)(before->number = number));
    }
    if (form == PLACE) {
        write_signed(writer, op->number);
    }
    return argument == NULL ? 1 : write_scalar(writer, argument);
}

PyDoc_STRVAR(pack_doc,
"pack(chunk, known, fresh)\n--\n\n"
"Return a chunk as bytes, with numbers by address in the place of objects.\n\n"
"A dict, if there are objects without a number: those, by address.  None if something cannot be\n"
"packed this way: it is no number of 64 bits, no float, no text, and no tuple of these.");

static PyObject *
pack(PyObject *module, PyObject *args)
{
    Buffer *buffer;
    Numbers numbers = {NULL, NULL, NULL, {{NULL, 0}}};
    if (!PyArg_ParseTuple(args, "O!O!O!", &BufferType, &buffer, &PyDict_Type, &numbers.known,
                          &PyDict_Type, &numbers.fresh)) {
        return NULL;
    }
    Py_ssize_t count = buffer->count;
    Writer writer = {PyBytes_FromStringAndSize(NULL, 8 * count + LONGEST_NUMBER), NULL, NULL};
    if (writer.bytes == NULL) {
        return NULL;
    }
    writer.at = (unsigned char *)PyBytes_AS_STRING(writer.bytes);
    writer.end = writer.at + PyBytes_GET_SIZE(writer.bytes);
    write_unsigned(&writer, (uint64_t)count);
    Before before = {0, 0, 0};
    int written = 1;
    for (Py_ssize_t at = 0; written == 1 && at < count; at++) {
        written = write_op(&writer, &buffer->ops[at], &numbers, &before);
    }
    if (written == 1 && numbers.missing == NULL) {
        Py_ssize_t used = writer.at - (unsigned char *)PyBytes_AS_STRING(writer.bytes);
        return _PyBytes_Resize(&writer.bytes, used) < 0 ? NULL : writer.bytes;
    }
    Py_XDECREF(writer.bytes);
    if (written < 0) {
        Py_XDECREF(numbers.missing);
        return NULL;
    }
    if (written == 1) {
        return numbers.missing;
    }
    Py_XDECREF(numbers.missing);
    Py_RETURN_NONE;
}

/* ------------------------------------------------------------------ and back */

typedef struct {
    const unsigned char *at, *end;
} Reader;

static inline uint64_t
read_unsigned(Reader *reader)
{
    uint64_t value = 0;
    for (int shift = 0; reader->at < reader->end && shift < 64; shift += 7) {
        unsigned char byte = *reader->at++;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    reader->at = reader->end + 1; /* as every later check finds out */
    return 0;
}

static inline int64_t
read_signed(Reader *reader)
{
    uint64_t value = read_unsigned(reader);
    return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

static PyObject *read_tuple(Reader *);

static PyObject *
read_scalar(Reader *reader)
{
    PyObject *constant = NULL;
    int letter = reader->at < reader->end ? *reader->at : 0;
    switch (reader->at < reader->end ? *reader->at++ : 0) {
    case 'i':
        return PyLong_FromLongLong(read_signed(reader));
    case 'g': {
        uint64_t bits = 0;
        double value;
        for (int byte = 0; byte < 8 && reader->at < reader->end; byte++) {
            bits |= (uint64_t)*reader->at++ << 8 * byte;
        }
        memcpy(&value, &bits, sizeof(value));
        return PyFloat_FromDouble(value);
    }
    case 't':
        return read_tuple(reader);
    case 'U':
    case 'u': {
        uint64_t length = read_unsigned(reader);
        if (reader->at > reader->end || length > (uint64_t)(reader->end - reader->at)) {
            break;
        }
        reader->at += length;
        const char *text = (const char *)reader->at - length;
        return letter == 'u' ? PyUnicode_DecodeASCII(text, (Py_ssize_t)length, NULL)
            : PyUnicode_DecodeUTF8(text, (Py_ssize_t)length, NULL);
    }
    case 'N':
        constant = Py_None;
        break;
    case 'T':
        constant = Py_True;
        break;
    case 'F':
        constant = Py_False;
        break;
    }
    if (constant == NULL) {
        PyErr_SetString(PyExc_ValueError, "not a chunk");
    }
    Py_XINCREF(constant);
    return constant;
}

static PyObject *
read_tuple(Reader *reader)
{
    uint64_t length = read_unsigned(reader);
    if (reader->at > reader->end || length > (uint64_t)(reader->end - reader->at)) {
        PyErr_SetString(PyExc_ValueError, "not a chunk"); /* each item has a byte at least */
        return NULL;
    }
    PyObject *items = PyTuple_New((Py_ssize_t)length);
    for (Py_ssize_t at = 0; items != NULL && at < (Py_ssize_t)length; at++) {
        PyObject *item = NULL;
        if (reader->at < reader->end && *reader->at == 't') {
            PyErr_SetString(PyExc_ValueError, "not a chunk"); /* it could go on for ever */
        }
        else {
            item = read_scalar(reader);
        }
        if (item == NULL) {
            Py_CLEAR(items);
            break;
        }
        PyTuple_SET_ITEM(items, at, item);
    }
    return items;
}

/* What consecutive ops have in common is made once. */
typedef struct {
    Before before;
    PyObject *token, *number;
} Made;

static int
read_op(Reader *reader, Made *made, PyObject **items)
{
    unsigned flags = reader->at < reader->end ? *reader->at++ : 0;
    unsigned epoch = flags >> EPOCH_SHIFT & 3, form = flags & FORM_MASK;
    if (flags & OTHER_ACTOR) {
        made->before.actor = (uint32_t)read_unsigned(reader);
    }
    if (epoch) {
        made->before.epoch = epoch == EPOCH_IS_NEXT ? made->before.epoch + 1
            : read_unsigned(reader) & EPOCH_MASK;
    }
    if (flags & OTHER_ACTOR || epoch || made->token == NULL) {
        Py_XDECREF(made->token);
        made->token = make_token(made->before.actor, made->before.epoch);
    }
    items[1] = PyLong_FromUnsignedLongLong(read_unsigned(reader));
    if (flags & OTHER_THING || made->number == NULL) {
        if (flags & OTHER_THING) {
            made->before.number = (int64_t)read_unsigned(reader);
        }
        Py_XDECREF(made->number);
        made->number = PyLong_FromLongLong(made->before.number);
    }
    if (form == PLACE) {
        items[3] = PyLong_FromLongLong(read_signed(reader));
    }
    else if (form == NOTHING) {
        items[3] = Py_None;
        Py_INCREF(Py_None);
    }
    else {
        items[3] = read_scalar(reader);
    }
    Py_XINCREF(made->token);
    items[0] = made->token;
    Py_XINCREF(made->number);
    items[2] = made->number;
    return items[0] == NULL || items[1] == NULL || items[2] == NULL || items[3] == NULL ? -1 : 0;
}

PyDoc_STRVAR(unpack_doc,
"unpack(data)\n--\n\n"
"Return the ops that pack() has packed, with numbers in the place of objects.\n\n"
"Raises ValueError for anything else.");

static PyObject *
unpack(PyObject *module, PyObject *data)
{
    if (!PyBytes_CheckExact(data)) {
        PyErr_SetString(PyExc_TypeError, "takes bytes");
        return NULL;
    }
    Reader reader = {(unsigned char *)PyBytes_AS_STRING(data), NULL};
    reader.end = reader.at + PyBytes_GET_SIZE(data);
    uint64_t count = read_unsigned(&reader);
    PyObject *list = NULL;
    if (count <= (uint64_t)PyBytes_GET_SIZE(data)) { /* each has a byte at least */
        list = PyList_New((Py_ssize_t)count * STRIDE);
        if (list == NULL) {
            return NULL;
        }
    }
    Made made = {{0, 0, 0}, NULL, NULL};
    int failed = list == NULL;
    for (Py_ssize_t at = 0; !failed && at < (Py_ssize_t)count; at++) {
        PyObject *items[STRIDE] = {NULL, NULL, NULL, NULL};
        failed = read_op(&reader, &made, items) < 0 || reader.at > reader.end;
        for (int item = 0; item < STRIDE; item++) {
            PyList_SET_ITEM(list, at * STRIDE + item, items[item]);
        }
    }
    Py_XDECREF(made.token);
    Py_XDECREF(made.number);
    if (failed || reader.at != reader.end) {
        Py_XDECREF(list);
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_ValueError, "not a chunk");
        }
        return NULL;
    }
    return list;
}

#endif
