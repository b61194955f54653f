"""Make the small NPZ files that tests/data reads.

usage: make_data_fixtures.py [OUT]          (made with NumPy 2.4.6, Python 3.11)
Every array holds 0, 1, 2, ... in row-major order.
"""
import io
import pathlib
import struct
import sys
import zipfile

import numpy as np

KINDS = ['int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64',
         'float16', 'float32', 'float64']


def arrays():
    out = {kind: np.arange(24, dtype=kind).reshape(2, 3, 4) for kind in KINDS}
    out['fortran'] = np.asfortranarray(out['float32'])
    out['bool'] = np.array([False, True, True, False])
    out['scalar'] = np.array(2.5)
    out['empty'] = np.zeros((0, 3), np.float32)
    return out


def zip64(path, arrays):
    """An archive whose directory leaves all sizes and offsets to ZIP64 records."""
    data, directory = b'', b''
    for key, a in arrays.items():
        f = io.BytesIO()
        np.save(f, a)
        body, name = f.getvalue(), f'{key}.npy'.encode()
        crc, n, at, full = zipfile.crc32(body), len(body), len(data), 0xffffffff
        extra = struct.pack('<HHQQ', 1, 16, n, n)
        data += struct.pack('<4sHHHHHIIIHH', b'PK\3\4', 45, 0, 0, 0, 0x21, crc, full, full,
                            len(name), len(extra)) + name + extra + body
        extra = struct.pack('<HHI', 0x7075, 4, 0) + struct.pack('<HHQQQ', 1, 24, n, n, at)
        directory += struct.pack('<4sHHHHHHIIIHHHHHII', b'PK\1\2', 45, 45, 0, 0, 0, 0x21, crc,
                                 full, full, len(name), len(extra), 0, 0, 0, 0, full) + name + extra
    end = struct.pack('<4sQHHIIQQQQ', b'PK\6\6', 44, 45, 45, 0, 0, len(arrays), len(arrays),
                      len(directory), len(data))
    locator = struct.pack('<4sIQI', b'PK\6\7', 0, len(data) + len(directory), 1)
    last = struct.pack('<4sHHHHIIH', b'PK\5\6', 0, 0, 0xffff, 0xffff, 0xffffffff, 0xffffffff, 0)
    path.write_bytes(data + directory + end + locator + last)
    np.load(path)['float32']  # NumPy reads it too


def main():
    here = pathlib.Path(__file__).resolve().parent
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here.parent / 'data' / 'fixtures'
    out.mkdir(parents=True, exist_ok=True)
    a = arrays()
    np.savez(out / 'stored.npz', **a)
    np.savez_compressed(out / 'deflated.npz', **a)
    zip64(out / 'zip64.npz', a)


if __name__ == '__main__':
    main()
