"""Writes zips that a careless unpacker would fall for, each in base64, as JSON: make_zips.py ENTRY CONTENT.

ENTRY and CONTENT are the file that a proper action must have.
"""

import base64
import io
import json
import struct
import sys
import zipfile

ENTRY, CONTENT = sys.argv[1:3]
DECLARED = 3 << 30
CENTRAL_HEADER, LOCAL_HEADER = b"PK\x01\x02", b"PK\x03\x04"


def packed(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(ENTRY, CONTENT)
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


def declaring(size, data):
    """The same zip whose last file claims to unpack to `size` bytes."""
    changed = bytearray(data)
    struct.pack_into("<I", changed, data.rindex(CENTRAL_HEADER) + 24, size)
    struct.pack_into("<I", changed, data.rindex(LOCAL_HEADER) + 22, size)
    return bytes(changed)


zips = {
    "bomb": declaring(DECLARED, packed([("bomb", bytes(1 << 20))])),
    "many": packed([(f"file{index}", b"") for index in range(1100)]),
    "upwards": packed([("../../../../../../../../tmp/instainfer-escaped", b"x")]),
    "absolute": packed([("/tmp/instainfer-escaped", b"x")]),
}
print(json.dumps({name: base64.b64encode(data).decode() for name, data in zips.items()}))
