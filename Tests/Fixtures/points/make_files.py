"""Point files of other programs, and the points that those programs read: goldens of the point readers.

    python Tests/Fixtures/points/make_files.py    # rewrites files/ next to this script

Needs plyfile, trimesh, open3d and numpy. One mesh, a cube with a roof, whose coordinates have all digits of
float32. files/expected.safetensors has, by the file's name: NAME.points (N, 3) float32 and NAME.triangles (T, 3) int32
as the library that wrote NAME reads it back; only the points where the format has no faces. Metadata: `versions`.
"""
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import open3d
import plyfile
import trimesh

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from oracle import write

FILES = HERE / "files"
POINTS = np.array(
    [[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)] + [[0.5, 0.5, 1.75]], np.float32
) * np.float32(1 / 3) - np.float32(0.1)
QUADS = [[0, 2, 3, 1], [0, 1, 5, 4], [1, 3, 7, 5], [3, 2, 6, 7], [2, 0, 4, 6]]
ROOF = [[4, 5, 8], [5, 7, 8], [7, 6, 8], [6, 4, 8]]
TRIANGLES = np.array([t for q in QUADS for t in ([q[0], q[1], q[2]], [q[0], q[2], q[3]])] + ROOF, np.int32)


def with_plyfile(name: str, **how) -> tuple:
    """Polygons, a normal before the coordinates, double precision, and a list in the vertices, but not in big-endian
    ones, whose other numbers plyfile then writes little-endian."""
    columns = [("nx", "f4"), ("x", "f8"), ("y", "f8"), ("z", "f8"), ("red", "u1"), ("tags", "O")]
    if how.get("byte_order") == ">":
        columns.pop()
    vertices = np.empty(len(POINTS), columns)
    for index, point in enumerate(POINTS):
        vertices[index] = (0.5, *point, 255 - index, np.arange(index % 3, dtype=np.int16))[:len(columns)]
    faces = np.empty(len(QUADS + ROOF), [("vertex_indices", "O")])
    faces["vertex_indices"] = [np.array(face, np.int32) for face in QUADS + ROOF]
    elements = [
        plyfile.PlyElement.describe(vertices, "vertex", val_types={"tags": "i2"} if "tags" in vertices.dtype.names else {}, comments=["a house"]),
        plyfile.PlyElement.describe(faces, "face", len_types={"vertex_indices": "u2"}),
    ]
    plyfile.PlyData(elements, **how).write(FILES / name)
    read = plyfile.PlyData.read(FILES / name)
    points = np.stack([read["vertex"][axis] for axis in "xyz"], 1).astype(np.float32)
    fans = [(f[0], f[k - 1], f[k]) for f in read["face"]["vertex_indices"] for k in range(2, len(f))]
    return points, np.array(fans, np.int32)


def with_trimesh(name: str) -> tuple:
    trimesh.Trimesh(POINTS.astype(np.float64), TRIANGLES, process=False).export(FILES / name)
    read = trimesh.load(FILES / name, process=False, force="mesh", maintain_order=True)
    return np.asarray(read.vertices, np.float32), np.asarray(read.faces, np.int32)


def with_open3d(name: str, ascii: bool = True, faces: bool = True) -> tuple:
    points = open3d.utility.Vector3dVector(POINTS.astype(np.float64))
    if not faces:
        open3d.io.write_point_cloud(str(FILES / name), open3d.geometry.PointCloud(points), write_ascii=ascii)
        return (np.asarray(open3d.io.read_point_cloud(str(FILES / name)).points, np.float32),)
    mesh = open3d.geometry.TriangleMesh(points, open3d.utility.Vector3iVector(TRIANGLES))
    mesh.compute_vertex_normals()
    open3d.io.write_triangle_mesh(str(FILES / name), mesh, write_ascii=ascii)
    read = open3d.io.read_triangle_mesh(str(FILES / name))
    return np.asarray(read.vertices, np.float32), np.asarray(read.triangles, np.int32)


def with_numpy(name: str, values: np.ndarray) -> tuple:
    np.save(FILES / name, values)
    return (np.load(FILES / name).astype(np.float32),)


def main() -> None:
    FILES.mkdir(exist_ok=True)
    read = {
        "plyfile_ascii.ply": with_plyfile("plyfile_ascii.ply", text=True),
        "plyfile_little.ply": with_plyfile("plyfile_little.ply", byte_order="<"),
        "plyfile_big.ply": with_plyfile("plyfile_big.ply", byte_order=">"),
        "trimesh.ply": with_trimesh("trimesh.ply"),
        "trimesh.off": with_trimesh("trimesh.off"),
        "trimesh.obj": with_trimesh("trimesh.obj"),
        "open3d.ply": with_open3d("open3d.ply", ascii=False),
        "open3d_ascii.ply": with_open3d("open3d_ascii.ply"),
        "open3d.off": with_open3d("open3d.off"),
        "open3d.xyz": with_open3d("open3d.xyz", faces=False),
        "open3d.pts": with_open3d("open3d.pts", faces=False),
        "numpy_double.npy": with_numpy("numpy_double.npy", POINTS.astype(np.float64)),
        "numpy_half.npy": with_numpy("numpy_half.npy", POINTS.astype(np.float16)),
        "numpy_columns.npy": with_numpy("numpy_columns.npy", np.asfortranarray(POINTS)),
    }
    tensors = {}
    for name, parts in read.items():
        tensors.update({f"{name}.{kind}": np.ascontiguousarray(part) for kind, part in zip(("points", "triangles"), parts)})
    versions = {name: version(name) for name in ("numpy", "open3d", "plyfile", "trimesh")}
    write(FILES / "expected.safetensors", tensors, versions=versions)


if __name__ == "__main__":
    main()
