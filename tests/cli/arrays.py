"""NPZ files with nothing but Python's own library: arrays are (shape, list of numbers, NumPy's
name of the type).
"""
import array
import ast
import io
import math
import zipfile

codes = {"<f4": "f", "<f8": "d", "|i1": "b", "|u1": "B", "<i2": "h", "<i4": "i", "<i8": "q"}


def read_npy(data):
    if data[:6] != b"\x93NUMPY":
        raise ValueError("no NPY")
    wide = data[6] > 1
    begin = 12 if wide else 10
    end = begin + int.from_bytes(data[8:begin], "little")
    header = ast.literal_eval(data[begin:end].decode())
    if header["fortran_order"]:
        raise ValueError("column-major")
    values = array.array(codes[header["descr"]])
    values.frombytes(data[end:])
    return header["shape"], list(values), header["descr"]


def npy(shape, values, kind="<f4"):
    header = repr({"descr": kind, "fortran_order": False, "shape": tuple(shape)})
    header += " " * (-(len(header) + 11) % 64) + "\n"
    if math.prod(shape) != len(values):
        raise ValueError(f"{len(values)} values for {shape}")
    return (b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() +
            array.array(codes[kind], values).tobytes())


def read_npz(path_or_bytes):
    source = io.BytesIO(path_or_bytes) if isinstance(path_or_bytes, bytes) else path_or_bytes
    with zipfile.ZipFile(source) as archive:
        return {
            name.removesuffix(".npy"): read_npy(archive.read(name)) for name in archive.namelist()
        }


def write_npz(path, **arrays):
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in arrays.items():
            archive.writestr(name + ".npy", npy(*value))
    return path
