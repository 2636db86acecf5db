"""Makes the files of labelled points in this folder's `labels`, by NumPy's own writers.

    python Tests/Fixtures/points/make_labels.py        # numpy

Every file has the same five points, and all but two the labels 3, 0, 7, 7 and 1. `few.npz` has four labels, `bare.npz`
none; `compressed.npz` is that of numpy.savez_compressed. `shapenet.txt` has the columns of ShapeNetPart's files with
normals.
"""
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "labels"
POINTS = np.array([[1, 2, 3], [-4.5, 0.5, 6], [0.25, 0, -1], [2, -2, 2], [7, 1, 0.125]], np.float32)
LABELS = np.array([3, 0, 7, 7, 1])

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    np.savez(FOLDER / "usual.npz", points=POINTS, labels=LABELS)
    column = LABELS.astype(np.uint8)[:, None]
    np.savez(FOLDER / "names.npz", normals=POINTS[::-1], pos=POINTS.astype(np.float64), seg=column)
    np.savez(FOLDER / "few.npz", points=POINTS, labels=LABELS[:4])
    np.savez(FOLDER / "bare.npz", points=POINTS)
    np.savez(FOLDER / "wide.npz", xyz=np.hstack([POINTS, POINTS[:, :1]]), label=LABELS.astype(np.float32))
    np.savez_compressed(FOLDER / "compressed.npz", points=POINTS, labels=LABELS)
    records = np.zeros(5, [("x", "f4"), ("y", "f4"), ("z", "f4"), ("label", "i2")])
    records["x"], records["y"], records["z"], records["label"] = *POINTS.T, LABELS
    np.save(FOLDER / "records.npy", records)
    np.save(FOLDER / "columns.npy", np.hstack([POINTS, LABELS[:, None]]).astype(np.float32))
    rows = np.hstack([POINTS, np.tile([0, 0, 1], (5, 1)), LABELS[:, None]])
    np.savetxt(FOLDER / "shapenet.txt", rows, fmt="%.6f")
