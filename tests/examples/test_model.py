"""The example that loads a model once; scikit-learn is optional."""

from __future__ import annotations

from pathlib import Path

import pytest

import duckwing

EXAMPLE = Path(__file__).parents[2] / "examples" / "model"


@pytest.mark.sql
def test_demo(engine: None) -> None:
    pytest.importorskip("sklearn")
    with duckwing.connect() as connection:
        place = duckwing.location(EXAMPLE / "worker.py").replace("'", "''")
        connection.execute(f"ATTACH 'models' (TYPE vgi, LOCATION '{place}')")
        one, many = (s for s in (EXAMPLE / "demo.sql").read_text("utf-8").split(";") if s.strip())
        assert connection.execute(one).fetchall() == [("setosa", "virginica")]
        counted = dict(connection.execute(many).fetchall())
        assert set(counted) == {"setosa", "versicolor", "virginica"}
        assert sum(counted.values()) == 600


def test_the_model_is_loaded_by_the_first_call_and_not_by_attach(engine: None, tmp_path: Path) -> None:
    # A module in place of scikit-learn that cannot be imported: ATTACH and listings must not care.
    (tmp_path / "sklearn.py").write_text("raise ImportError('no model here')\n", "utf-8")
    with duckwing.connect() as connection:
        place = f"PYTHONPATH={tmp_path} {duckwing.location(EXAMPLE / 'worker.py')}".replace(
            "PYTHONPATH", "export PYTHONPATH", 1
        )
        place = place.replace(str(tmp_path) + " ", f"{tmp_path}; ", 1).replace("'", "''")
        connection.execute(f"ATTACH 'models' (TYPE vgi, LOCATION '{place}')")
        found = connection.execute(
            "SELECT description FROM duckdb_functions() WHERE function_name = 'species'"
        ).fetchall()
        assert found == [("The species of an iris flower, from four measures.",)]
        with pytest.raises(Exception, match="no model here"):
            connection.execute("SELECT models.species(5.1, 3.5, 1.4, 0.2)")
