"""The names of ImageNet-1k's classes, WordNet's lemmas in timm's order, as Swift data.

    python Tests/Fixtures/model/make_class_names.py    # rewrites Sources/MultimodalPathway/Models/Configuration/ImageNet1k.swift
"""
import hashlib
import sys
from pathlib import Path

HERE = Path(__file__).parent
SWIFT = HERE.parents[2] / "Sources/MultimodalPathway/Models/Configuration/ImageNet1k.swift"
sys.path.insert(0, str(HERE.parent))
from oracle import import_timm

timm = import_timm()
from timm.data import ImageNetInfo

LICENCE = """WordNet Release 3.0

This software and database is being provided to you, the LICENSEE, by Princeton University under the following license. \
By obtaining, using and/or copying this software and database, you agree that you have read, understood, and will comply \
with these terms and conditions.:

Permission to use, copy, modify and distribute this software and database and its documentation for any purpose and \
without fee or royalty is hereby granted, provided that you agree to comply with the following copyright notice and \
statements, including the disclaimer, and that the same appear on ALL copies of the software, database and \
documentation, including modifications that you make for internal use or for distribution.

WordNet 3.0 Copyright 2006 by Princeton University. All rights reserved.

THIS SOFTWARE AND DATABASE IS PROVIDED "AS IS" AND PRINCETON UNIVERSITY MAKES NO REPRESENTATIONS OR WARRANTIES, EXPRESS \
OR IMPLIED. BY WAY OF EXAMPLE, BUT NOT LIMITATION, PRINCETON UNIVERSITY MAKES NO REPRESENTATIONS OR WARRANTIES OF \
MERCHANTABILITY OR FITNESS FOR ANY PARTICULAR PURPOSE OR THAT THE USE OF THE LICENSED SOFTWARE, DATABASE OR \
DOCUMENTATION WILL NOT INFRINGE ANY THIRD PARTY PATENTS, COPYRIGHTS, TRADEMARKS OR OTHER RIGHTS.

The name of Princeton University or Princeton may not be used in advertising or publicity pertaining to distribution of \
the software and/or database. Title to copyright in this software, database and any associated documentation shall at \
all times remain with Princeton University and LICENSEE agrees to preserve same."""


def comment(text: str) -> str:
    lines = []
    for paragraph in text.split("\n"):
        line = "//"
        for word in paragraph.split():
            if len(line) + len(word) + 1 > 118:
                lines.append(line)
                line = "//"
            line += " " + word
        lines.append(line)
    return "\n".join(lines)


def main() -> None:
    names = ImageNetInfo("imagenet-1k").label_descriptions()
    assert len(names) == 1000 and all(name.strip() == name and "\n" not in name for name in names)
    assert not any("\\" in name or '"' in name for name in names)
    assert not any(";" in name for name in names)
    # Words of the text; a line ends in a backslash, which joins it to the next.
    words = "; ".join(names).split(" ")
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) > 112:
            lines.append("")
        lines[-1] += word + " "
    rows = "\n".join("    " + line + "\\" for line in lines[:-1]) + "\n    " + lines[-1].rstrip()
    SWIFT.write_text(f'''// Data that Tests/Fixtures/model/make_class_names.py writes, from timm {timm.__version__}.
//
{comment(LICENCE)}

/// ImageNet-1k's classes: the lemmas of their WordNet synsets, in the order of the synsets' numbers.
enum ImageNet1k {{
  static let classCount = 1000

  static let names: [String] = text.split(separator: "; ").map(String.init)

  private static let text = """
{rows}
    """
}}
''')
    print(hashlib.sha256("\n".join(names).encode()).hexdigest())


if __name__ == "__main__":
    main()
