"""Linear metric learning in closed form or nearly: a matrix after which items of one class lie together. With `fit` instead of a loss."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from crossmodal.base.errors import InputError, RecipeError
from crossmodal.objectives.correlation import Projection
from crossmodal.objectives.objective import require_positive


class Lda:
    """W = S_w^(-1/2) U, S_w^(-1/2) S_b S_w^(-1/2) = U diag(v) U': within-class scatter made round, between-class scatter first.

    Fisher: The Use of Multiple Measurements in Taxonomic Problems, 1936. samples: how many vectors are drawn to fit on; dimensions: how
    many directions count, the others are zero (0: one fewer than classes); regularization: share of the mean variance that is
    added within.
    """

    fits: ClassVar[str] = "classes"

    def __init__(self, *, samples: int = 10_000, dimensions: int = 0, regularization: float = 1e-3) -> None:
        require_positive("lda", samples=samples, regularization=regularization)
        self.samples, self.dimensions, self.regularization = samples, dimensions, regularization

    def fit(self, vectors: Tensor, classes: Tensor) -> Projection:
        """Vectors (n, d) and their classes (n,) -> a projection. Raises InputError for fewer than two classes or no spread within any."""
        x, mean, own = _prepared(vectors, classes)
        within = x - own
        spread = within.T @ within / len(x)
        variance = spread.diagonal().mean()
        if not variance > 0:
            raise InputError(
                "expected classes whose vectors differ, got one vector for each; draw more items of each class"
            )
        values, directions = torch.linalg.eigh(spread)
        root = (directions * (values.clamp_min(0) + self.regularization * variance).rsqrt()) @ directions.T
        between = own @ root
        _, turned = torch.linalg.eigh(between.T @ between / len(x))
        matrix = root @ turned.flip(1)  # eigenvalues rise
        count = self.dimensions or int(classes.unique().numel()) - 1
        matrix[:, count:] = 0
        return Projection(mean.float(), matrix.float())


class Lmnn:
    """L = (1 - c) sum_ij |W(x_i - x_j)|^2 + c sum_ijl max(0, 1 + |W(x_i - x_j)|^2 - |W(x_i - x_l)|^2), j the k target neighbours of i's
    class, l the impostors of other classes.

    Weinberger, Blitzer & Saul: Distance Metric Learning for Large Margin Nearest Neighbor Classification, NeurIPS 2006, eq. 12, over W by
    gradient instead of W'W by a cone. Target neighbours are those of the vectors as given. neighbours: k; push: c, in (0, 1]; steps: of the
    optimizer; samples: how many vectors are drawn to fit on; impostors: how many of each vector are looked at, the nearest, found anew
    in every tenth step.
    """

    fits: ClassVar[str] = "classes"

    def __init__(
        self, *, samples: int = 2000, neighbours: int = 3, push: float = 0.5, steps: int = 100, impostors: int = 10, rate: float = 0.01
    ) -> None:  # fmt: skip
        require_positive("lmnn", samples=samples, neighbours=neighbours, steps=steps, impostors=impostors, rate=rate)
        if not 0 < push <= 1:
            raise RecipeError(f"lmnn.push: expected a share above 0, 1 at the most, got {push:g}")
        self.samples, self.neighbours, self.push, self.steps = samples, neighbours, push, steps
        self.impostors, self.rate = impostors, rate

    def fit(self, vectors: Tensor, classes: Tensor) -> Projection:
        """Vectors (n, d) and their classes (n,) -> a projection. Raises InputError for fewer than two classes or no two of one class."""
        x, mean, _ = _prepared(vectors, classes)
        scale = x.square().mean().sqrt().clamp_min(1e-12)  # the margin of 1 is beside vectors of this size
        x = x / scale
        same = classes[:, None] == classes[None, :]
        targets = _nearest(x, same & ~torch.eye(len(x), dtype=torch.bool), self.neighbours)
        if not len(targets):
            raise InputError("expected two vectors of one class at least, got none; draw more items of each class")
        with torch.inference_mode(False), torch.enable_grad():
            matrix = torch.eye(x.shape[1], dtype=x.dtype, requires_grad=True)
            optimizer = torch.optim.Adam([matrix], lr=self.rate)
            impostors = targets
            for step in range(self.steps):
                if step % 10 == 0:
                    impostors = _nearest((x @ matrix).detach(), ~same, self.impostors)
                optimizer.zero_grad()
                self.loss(x @ matrix, targets, impostors).backward()
                optimizer.step()
        return Projection(mean.float(), (matrix.detach() / scale).float())

    def loss(self, x: Tensor, targets: Tensor, impostors: Tensor) -> Tensor:
        """Mean over target pairs (p, 2) of the pull, and of the push by the impostors (q, 2) of their first ends; scalar."""
        near = (x[targets[:, 0]] - x[targets[:, 1]]).square().sum(dim=1)
        far = (x[impostors[:, 0]] - x[impostors[:, 1]]).square().sum(dim=1)
        table = far.new_full((len(x), self.impostors), torch.inf)
        order = torch.arange(len(far)) - torch.searchsorted(impostors[:, 0].contiguous(), impostors[:, 0].contiguous())
        table = table.index_put((impostors[:, 0], order), far)
        pushed = (1 + near[:, None] - table[targets[:, 0]]).clamp_min(0).sum(dim=1)
        return ((1 - self.push) * near + self.push * pushed).mean()


def _prepared(vectors: Tensor, classes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Centred vectors (n, d) in double precision, their mean (d,), and the mean of each one's class (n, d). Raises InputError."""
    if vectors.ndim != 2 or classes.shape != vectors.shape[:1]:
        raise InputError(
            f"expected vectors (n, d) and classes (n,), got {tuple(vectors.shape)} and {tuple(classes.shape)}"
        )
    if classes.unique().numel() < 2:
        raise InputError(f"expected vectors of two classes at least, got {classes.unique().numel()}")
    if not vectors.isfinite().all():
        raise InputError("expected finite vectors, got others; the training before diverged: lower its learning rate")
    x = vectors.detach().double().cpu()
    mean = x.mean(dim=0)
    x = x - mean
    names, numbers = classes.unique(return_inverse=True)
    sums = torch.zeros(len(names), x.shape[1], dtype=x.dtype).index_add(0, numbers, x)
    return x, mean, (sums / numbers.bincount()[:, None])[numbers]


def _nearest(x: Tensor, allowed: Tensor, count: int) -> Tensor:
    """(p, 2) pairs of each row with the `count` nearest of those allowed (n, n), or all there are; sorted by the first."""
    distances = torch.cdist(x, x).masked_fill(~allowed, torch.inf)
    values, indices = distances.topk(min(count, len(x)), dim=1, largest=False)
    rows = torch.arange(len(x))[:, None].expand_as(indices)
    kept = values < torch.inf
    return torch.stack([rows[kept], indices[kept]], dim=1)
