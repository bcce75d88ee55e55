/* Frames, as they lie in memory: without making frame objects. */

#ifndef RACEWAY_FRAMES_H
#define RACEWAY_FRAMES_H

#if PY_VERSION_HEX >= 0x030B0000
#include "internal/pycore_frame.h"
#else
#include <frameobject.h>
#endif

#if PY_VERSION_HEX >= 0x030B0000

typedef _PyInterpreterFrame Frame;

static inline Frame *
complete(Frame *frame)
{
    while (frame != NULL && _PyFrame_IsIncomplete(frame)) {
        frame = frame->previous;
    }
    return frame;
}

static inline Frame *
top_frame(void)
{
    PyThreadState *tstate = PyThreadState_Get();
#if PY_VERSION_HEX >= 0x030D0000
    return complete(tstate->current_frame);
#else
    return complete(tstate->cframe->current_frame);
#endif
}

static inline Frame *
back_of(Frame *frame)
{
    return complete(frame->previous);
}

static inline PyObject *
code_of(Frame *frame)
{
#if PY_VERSION_HEX >= 0x030D0000
    return (PyObject *)_PyFrame_GetCode(frame);
#else
    return (PyObject *)frame->f_code;
#endif
}

static inline int32_t
offset_of(Frame *frame)
{
    return (int32_t)_PyInterpreterFrame_LASTI(frame) * (int32_t)sizeof(_Py_CODEUNIT);
}

#else

typedef PyFrameObject Frame;

static inline Frame *
top_frame(void)
{
    return PyThreadState_Get()->frame;
}

static inline Frame *
back_of(Frame *frame)
{
    return frame->f_back;
}

static inline PyObject *
code_of(Frame *frame)
{
    return (PyObject *)frame->f_code;
}

static inline int32_t
offset_of(Frame *frame)
{
    return frame->f_lasti < 0 ? -1 : (int32_t)(frame->f_lasti * sizeof(_Py_CODEUNIT));
}

#endif

static inline int
is_at(Frame *frame, PyObject *code, int32_t offset)
{
    return code_of(frame) == code && offset_of(frame) == offset;
}

#endif
