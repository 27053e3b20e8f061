"""Runs requests by TensorFlow's C++ loader and session, without its Python.

    python cpp_session.py LIBRARIES SAVED_MODEL FOLDER

LIBRARIES is the folder of the `tensorflow` package. Each NAME.npz in FOLDER has the
inputs by tensor name and, under "outputs", the tensor names to fetch; the answer is
written to NAME.answer, an .npz file with the error's message under "error" if there is
one.
"""

import ctypes
import pathlib
import sys

import numpy as np

_DTYPES = {1: np.float32, 2: np.float64, 3: np.int32, 4: np.uint8, 9: np.int64}
_STRING = 7
_STRING_BYTES = 24


class Output(ctypes.Structure):
    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


def main(libraries, saved_model, folder):
    library = load(pathlib.Path(libraries))
    status, graph = library.TF_NewStatus(), library.TF_NewGraph()
    tags = (ctypes.c_char_p * 1)(b"serve")
    session = library.TF_LoadSessionFromSavedModel(
        library.TF_NewSessionOptions(),
        None,
        saved_model.encode(),
        tags,
        1,
        graph,
        None,
        status,
    )
    check(library, status)
    for path in sorted(pathlib.Path(folder).glob("*.npz")):
        answer = run(library, session, graph, status, path)
        with open(path.with_suffix(".answer"), "wb") as file:
            np.savez(file, **answer)


def run(library, session, graph, status, path):
    values = dict(np.load(path, allow_pickle=True))
    fetched = [str(name) for name in values.pop("outputs")]
    inputs = [tensor_of(library, array) for array in values.values()]
    results = (ctypes.c_void_p * len(fetched))()
    library.TF_SessionRun(
        session,
        None,
        outputs_of(library, graph, values),
        (ctypes.c_void_p * len(inputs))(*inputs),
        len(inputs),
        outputs_of(library, graph, fetched),
        results,
        len(fetched),
        None,
        0,
        None,
        status,
    )
    if library.TF_GetCode(status):
        return {"error": library.TF_Message(status).decode()}
    arrays = [array_of(library, result) for result in results]
    return dict(zip(fetched, arrays))


def load(folder):
    framework, whole = "libtensorflow_framework.so.2", "libtensorflow_cc.so.2"
    ctypes.CDLL(str(folder / framework), ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(str(folder / whole), ctypes.RTLD_GLOBAL)
    pointers = (
        "TF_NewStatus TF_NewGraph TF_NewSessionOptions TF_GraphOperationByName "
        "TF_LoadSessionFromSavedModel TF_AllocateTensor TF_TensorData "
        "TF_StringGetDataPointer"
    )
    for name in pointers.split():
        getattr(library, name).restype = ctypes.c_void_p
    library.TF_Message.restype = ctypes.c_char_p
    library.TF_Dim.restype = ctypes.c_int64
    library.TF_StringGetSize.restype = ctypes.c_size_t
    # Without them, a 64-bit pointer would be passed as an int.
    pointer, whole_number = ctypes.c_void_p, ctypes.c_int
    for name, types in {
        "TF_GetCode": [pointer],
        "TF_Message": [pointer],
        "TF_LoadSessionFromSavedModel": [pointer] * 2
        + [ctypes.c_char_p, pointer, whole_number]
        + [pointer] * 3,
        "TF_GraphOperationByName": [pointer, ctypes.c_char_p],
        "TF_AllocateTensor": [whole_number, pointer, whole_number, ctypes.c_size_t],
        "TF_TensorData": [pointer],
        "TF_TensorType": [pointer],
        "TF_NumDims": [pointer],
        "TF_Dim": [pointer, whole_number],
        "TF_StringInit": [pointer],
        "TF_StringCopy": [pointer, ctypes.c_char_p, ctypes.c_size_t],
        "TF_StringGetDataPointer": [pointer],
        "TF_StringGetSize": [pointer],
        "TF_SessionRun": [pointer] * 4
        + [whole_number, pointer, pointer, whole_number, pointer, whole_number]
        + [pointer] * 2,
    }.items():
        getattr(library, name).argtypes = types
    return library


def check(library, status):
    if library.TF_GetCode(status):
        sys.exit(library.TF_Message(status).decode())


def outputs_of(library, graph, names):
    outputs = (Output * len(names))()
    for output, name in zip(outputs, names):
        operation, _, index = name.partition(":")
        found = library.TF_GraphOperationByName(graph, operation.encode())
        if not found:
            sys.exit(f"no operation {operation}")
        output.operation, output.index = found, int(index)
    return outputs


def tensor_of(library, array):
    is_string = array.dtype == object
    numbers = {np.dtype(dtype): number for number, dtype in _DTYPES.items()}
    size = array.size * (_STRING_BYTES if is_string else array.itemsize)
    tensor = library.TF_AllocateTensor(
        _STRING if is_string else numbers[array.dtype],
        (ctypes.c_int64 * array.ndim)(*array.shape),
        array.ndim,
        size,
    )
    data = library.TF_TensorData(tensor)
    if not is_string:
        ctypes.memmove(data, np.ascontiguousarray(array).ctypes.data, size)
        return tensor
    for i, content in enumerate(array.flat):
        library.TF_StringInit(data + i * _STRING_BYTES)
        library.TF_StringCopy(data + i * _STRING_BYTES, content, len(content))
    return tensor


def array_of(library, tensor):
    shape = [library.TF_Dim(tensor, i) for i in range(library.TF_NumDims(tensor))]
    count = int(np.prod(shape))
    data = library.TF_TensorData(tensor)
    number = library.TF_TensorType(tensor)
    if number != _STRING:
        dtype = np.dtype(_DTYPES[number])
        content = ctypes.string_at(data, count * dtype.itemsize)
        return np.frombuffer(content, dtype).reshape(shape)
    array = np.empty(count, object)
    for i in range(count):
        place = data + i * _STRING_BYTES
        start = library.TF_StringGetDataPointer(place)
        array[i] = ctypes.string_at(start, library.TF_StringGetSize(place))
    return array.reshape(shape)


if __name__ == "__main__":
    main(*sys.argv[1:])
