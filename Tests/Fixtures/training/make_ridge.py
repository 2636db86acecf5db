"""Makes ridge.safetensors: scikit-learn's Ridge on small features, whole and by folds, for Tests/ProbingTests.

Python 3.11, `pip install scikit-learn==1.9.1 numpy torch timm` (torch and timm only because of ../oracle.py).
"""
import sys
from pathlib import Path

import numpy as np
import sklearn
from sklearn.linear_model import Ridge

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from oracle import write  # noqa: E402

CLASSES, WIDTH, FOLDS, RIDGES = 4, 16, 5, [1e-3, 1e-1, 10.0]

generator = np.random.default_rng(7)
labels = generator.integers(0, CLASSES, 300)
centres = generator.normal(size=(CLASSES, WIDTH))
# Offsets, units from 0.05 to 20 and correlations, as pooled features have them.
mixing = np.eye(WIDTH) + 0.3 * generator.normal(size=(WIDTH, WIDTH))
units = 10 ** np.linspace(-1.3, 1.3, WIDTH)
features = (0.6 * centres[labels] + generator.normal(size=(300, WIDTH))) @ mixing * units + 3 * units
features = features.astype(np.float32)

seen, fold = [0] * CLASSES, []
for label in labels:
    fold.append((seen[label] + label) % FOLDS)
    seen[label] += 1
fold = np.array(fold)


def fit(rows, ridge, standardized):
    """Coefficients and intercepts for raw features, and alpha, of |Xw - y|^2 + alpha |w|^2."""
    x = features[rows].astype(np.float64)
    y = 2.0 * np.eye(CLASSES)[labels[rows]] - 1
    mean, std = x.mean(0), x.std(0)
    unit = std if standardized else np.full(WIDTH, np.sqrt((std ** 2).mean()))
    alpha = ridge * len(x)
    model = Ridge(alpha=alpha, solver="cholesky").fit((x - mean) / unit, y)
    weight = model.coef_ / unit
    return weight, model.intercept_ - weight @ mean, alpha if standardized else alpha * unit[0] ** 2


tensors = {"features": features, "labels": labels.astype(np.float32)}
for standardized in (False, True):
    kind = "standardized" if standardized else "plain"
    for place, ridge in enumerate(RIDGES):
        weight, bias, alpha = fit(np.arange(300), ridge, standardized)
        predicted = np.empty(300)
        for index in range(FOLDS):
            held = fold == index
            w, b, _ = fit(np.flatnonzero(~held), ridge, standardized)
            outputs = features[held].astype(np.float64) @ w.T + b
            first, second = np.sort(outputs, 1)[:, ::-1][:, :2].T
            # Decisions far enough apart that float32 makes the same ones.
            assert (first - second).min() > 1e-5, (first - second).min()
            predicted[held] = outputs.argmax(1)
        print(kind, ridge, "held-out correct", int((predicted == labels).sum()))
        tensors |= {f"{kind}.{place}.weight": weight, f"{kind}.{place}.bias": bias,
                    f"{kind}.{place}.alpha": np.array([alpha]),
                    f"{kind}.{place}.predicted": predicted.astype(np.float32)}
write(Path(__file__).with_name("ridge.safetensors"), tensors, scikit_learn=sklearn.__version__, ridges=RIDGES)
