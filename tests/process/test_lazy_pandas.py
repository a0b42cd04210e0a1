"""pyarrow does without pandas until somebody imports it. Each test in a process of its own: there is no way back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pandas")

BEGIN = """
import sys
import pyarrow as pa
from duckwing.process.lazy_pandas import import_pandas_late
finders = list(sys.meta_path)
import_pandas_late()
"""

LIKE_A_SERIES = """
import pandas
series = pandas.Series([1.0, float("nan")])
assert pa.array(series).null_count == 1
assert pa.table(pandas.DataFrame({"a": [1]})).schema.names == ["a"]
"""


def run(script: str, *, path: Path | None = None) -> None:
    """Run it; an assertion that fails, or anything on the standard error, fails the test."""
    first = f"import sys; sys.path.insert(0, {str(path)!r})\n" if path else ""
    done = subprocess.run([sys.executable, "-c", first + BEGIN + script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_objects_become_arrow_without_it() -> None:
    run("""
row = pa.struct([("a", pa.list_(pa.timestamp("ns")))])
pa.array([1, None, 2], pa.int64()), pa.scalar("a", pa.string()), pa.array([{"a": [1]}], row)
pa.RecordBatch.from_pylist([{"a": 1.5}], pa.schema([("a", pa.float64())])).to_pylist()
assert "pandas" not in sys.modules
""")


def test_who_imports_it_finds_it_as_it_is() -> None:
    run(f"""
pa.array([1], pa.int64())
{LIKE_A_SERIES}
from importlib.machinery import SourceFileLoader
assert type(pandas.__loader__) is type(pandas.__spec__.loader) is SourceFileLoader
assert "_Finder" not in [type(finder).__name__ for finder in sys.meta_path]
""")


def test_asking_twice_changes_nothing() -> None:
    run(
        "import_pandas_late()\nassert len(sys.meta_path) == len(finders) + 1\n" + LIKE_A_SERIES + "import_pandas_late()"
    )


def test_pyarrow_may_import_it() -> None:
    run("assert pa.array([1], pa.int64()).to_pandas().tolist() == [1]\n" + LIKE_A_SERIES)
    run("assert pa.array([1]).type == pa.int64()  # whose guess takes it\n" + LIKE_A_SERIES)


def test_many_threads_import_it() -> None:
    run(f"""
import threading
def work():
{LIKE_A_SERIES.replace(chr(10), chr(10) + "    ")}
    done.append(1)
done = []
threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert len(done) == 8
""")


def test_an_import_that_fails_may_be_tried_again(tmp_path: Path) -> None:
    package = tmp_path / "pandas"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('not today')")
    run(
        f"""
try:
    import pandas
except RuntimeError as error:
    assert str(error) == "not today"
assert "pandas" not in sys.modules
sys.path.remove({str(tmp_path)!r})
import importlib
importlib.invalidate_caches()
"""
        + LIKE_A_SERIES,
        path=tmp_path,
    )


def test_one_that_pyarrow_does_not_want(tmp_path: Path) -> None:
    package = tmp_path / "pandas"
    package.mkdir()
    (package / "__init__.py").write_text("__version__ = '1.0'")
    run("import pandas\nassert pandas.__version__ == '1.0'\nassert len(pa.array([1])) == 1", path=tmp_path)


def test_none_at_all() -> None:
    run("""
class NoPandas:
    def find_spec(self, name, path=None, target=None):
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name=name)
sys.meta_path.insert(1, NoPandas())
try:
    import pandas
except ModuleNotFoundError as error:
    assert str(error) == "No module named 'pandas'"
else:
    raise AssertionError
assert pa.array([1]).to_pylist() == [1]
""")
