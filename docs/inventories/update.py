"""Update the inventories from the net: `python docs/inventories/update.py [NAME ...]`.

Each file has the address of a project's documentation and, of its inventory, the lines
that these pages refer to. To refer to something else, put its full name alone on a line
of the file and run this.
"""

import sys
import urllib.request
import zlib
from pathlib import Path

for path in sorted(Path(__file__).parent.glob("*.txt")):
    if sys.argv[1:] and path.stem not in sys.argv[1:]:
        continue
    first, *lines = path.read_text().splitlines()
    with urllib.request.urlopen(first.split()[1] + "objects.inv") as reply:
        text = zlib.decompress(reply.read().split(b"\n", 4)[4]).decode()
    # A label and a function may share a name; a bare name stands for both.
    entries = [line.split(" ", 2) for line in text.splitlines()]
    kept = []
    for name, *kind in (line.split(" ", 2)[:2] for line in lines):
        found = [e for e in entries if e[0] == name and kind in ([], [e[1]])]
        if not found:
            sys.exit(f"{path.name}: {first.split()[1]} has no {name!r}.")
        kept += [" ".join(entry) for entry in found]
    path.write_text("\n".join([first, *sorted(set(kept), key=str.lower)]) + "\n")
