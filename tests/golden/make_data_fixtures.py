"""Make the small NPZ, PNG and WAV files that tests/data reads.

usage: make_data_fixtures.py [OUT]          (made with NumPy 2.4.6, Python 3.11)
Every array holds 0, 1, 2, ... in row-major order; sample c of pixel (y, x) is
(31 y + 7 x + 50 c) modulo the number of values a sample has.
"""
import io
import pathlib
import struct
import sys
import wave
import zipfile
import zlib

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


def paeth(left, up, corner):
    p = left + up - corner
    return min((abs(p - left), 0, left), (abs(p - up), 1, up), (abs(p - corner), 2, corner))[2]


def png(path, color_type, samples, depth, extra=()):
    """A picture of 9 x 13 whose rows go through the filters 0 to 4 in turn."""
    height, width = 9, 13
    step = max(1, samples * depth // 8)
    before, data = bytes((width * samples * depth + 7) // 8), b''
    for y in range(height):
        bits = ''.join(format((31 * y + 7 * x + 50 * c) % 2**depth, f'0{depth}b')
                       for x in range(width) for c in range(samples))
        bits += '0' * (-len(bits) % 8)
        row = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
        kind, out = y % 5, []
        for i, value in enumerate(row):
            left, corner = (row[i - step], before[i - step]) if i >= step else (0, 0)
            guess = (0, left, before[i], (left + before[i]) // 2, paeth(left, before[i], corner))
            out.append((value - guess[kind]) % 256)
        data, before = data + bytes([kind]) + bytes(out), row
    packed = zlib.compress(data)
    header = struct.pack('>IIBBBBB', width, height, depth, color_type, 0, 0, 0)
    half = len(packed) // 2
    chunks = [(b'IHDR', header), *extra, (b'IDAT', packed[:half]), (b'IDAT', packed[half:]),
              (b'IEND', b'')]
    path.write_bytes(b'\x89PNG\r\n\x1a\n' + b''.join(
        struct.pack('>I', len(body)) + name + body + struct.pack('>I', zlib.crc32(name + body))
        for name, body in chunks))


def pngs(out):
    palette = bytes((3 * i + c) % 256 for i in range(256) for c in range(3))
    png(out / 'gray.png', 0, 1, 8)
    png(out / 'gray1.png', 0, 1, 1)
    png(out / 'rgb.png', 2, 3, 8)
    png(out / 'gray_alpha.png', 4, 2, 8)
    png(out / 'rgba.png', 6, 4, 8)
    png(out / 'palette.png', 3, 1, 8, [(b'PLTE', palette)])
    png(out / 'palette2.png', 3, 1, 2, [(b'PLTE', palette[:12]), (b'tRNS', bytes([10, 20]))])


def main():
    here = pathlib.Path(__file__).resolve().parent
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here.parent / 'data' / 'fixtures'
    out.mkdir(parents=True, exist_ok=True)
    a = arrays()
    np.savez(out / 'stored.npz', **a)
    np.savez_compressed(out / 'deflated.npz', **a)
    zip64(out / 'zip64.npz', a)
    pngs(out)
    with wave.open(str(out / 'ramp.wav'), 'wb') as f:
        f.setparams((1, 2, 8000, 0, 'NONE', ''))
        f.writeframes(np.arange(-32768, 32768, 8192).astype('<i2').tobytes())


if __name__ == '__main__':
    main()
