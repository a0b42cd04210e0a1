"""A model in SQL: loaded once in each process, then asked batch by batch.

    duckwing sql examples/model/worker.py -f examples/model/demo.sql

Needs scikit-learn (``pip install scikit-learn``) for the model; a real worker would load one from a file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

import duckwing as dw

models = dw.Catalog("models", comment="Predictions of a small model of iris flowers")
worker = dw.Worker(models)
loaded: dict[str, Any] = {}


@worker.on_start
def load() -> None:
    """Train the model, before the first prediction of each process: ATTACH stays quick."""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    flowers = load_iris()
    loaded["model"] = LogisticRegression(max_iter=1000).fit(flowers.data, flowers.target)
    loaded["names"] = np.array(flowers.target_names, dtype=object)


@worker.on_stop
def unload() -> None:
    """Give back what a model may hold, such as a GPU."""
    loaded.clear()


@models.scalar(
    examples=[("SELECT models.species(5.1, 3.5, 1.4, 0.2)", "A flower with short petals")],
    categories=["prediction"],
)
def species(
    sepal_length: pa.DoubleArray, sepal_width: pa.DoubleArray, petal_length: pa.DoubleArray, petal_width: pa.DoubleArray
) -> pa.StringArray:
    """The species of an iris flower, from four measures.

    Args:
        sepal_length: in centimetres.
        sepal_width: in centimetres.
        petal_length: in centimetres.
        petal_width: in centimetres.
    """
    columns = [column.to_numpy() for column in (sepal_length, sepal_width, petal_length, petal_width)]
    return pa.array(loaded["names"][loaded["model"].predict(np.column_stack(columns))], pa.utf8())


if __name__ == "__main__":
    worker.run()
