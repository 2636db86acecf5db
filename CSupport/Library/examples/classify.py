"""Names what a file shows, with the standard library alone: python classify.py LIBRARY MODEL FILE..."""
import ctypes
import sys


class Description(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t), ("modality", ctypes.c_char_p), ("class_count", ctypes.c_size_t),
        ("input_count", ctypes.c_size_t), ("logit_count", ctypes.c_size_t), ("feature_count", ctypes.c_size_t),
        ("rank", ctypes.c_size_t), ("shape", ctypes.c_size_t * 4), ("auxiliary_count", ctypes.c_size_t),
    ]


class Model:
    """A model of m2pt.h, freed with the object."""

    def __init__(self, library: str, path: str):
        self.handle = ctypes.c_void_p()
        self.library = ctypes.CDLL(library)
        for name in ("m2pt_error_text", "m2pt_version", "m2pt_class_name"):
            getattr(self.library, name).restype = ctypes.c_char_p
        self.library.m2pt_class_name.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        self.library.m2pt_free.argtypes = [ctypes.c_void_p]
        self.call("m2pt_load", path.encode(), None, ctypes.byref(self.handle))
        self.description = Description(ctypes.sizeof(Description))
        self.call("m2pt_describe", self.handle, ctypes.byref(self.description))

    def __del__(self):
        self.library.m2pt_free(self.handle)

    def call(self, name: str, *arguments) -> None:
        if getattr(self.library, name)(*arguments) != 0:
            raise RuntimeError(self.library.m2pt_error_text().decode())

    def classify(self, data: bytes, name: str) -> list[tuple[str, float]]:
        """Names and scores of a file in memory, the most likely first."""
        count = self.description.class_count
        scores = (ctypes.c_float * count)()
        self.call("m2pt_classify_data", self.handle, data, ctypes.c_size_t(len(data)), name.encode(), scores,
                  ctypes.c_size_t(count))
        names = [self.library.m2pt_class_name(self.handle, index) for index in range(count)]
        labels = [text.decode() if text else f"class {index}" for index, text in enumerate(names)]
        return sorted(zip(labels, scores), key=lambda pair: -pair[1])


if __name__ == "__main__":
    library, model_path, *files = sys.argv[1:]
    model = Model(library, model_path)
    for file in files:
        with open(file, "rb") as stream:
            label, score = model.classify(stream.read(), file)[0]
        print(f"{file}: {label} {score:.4f}")
