"""Datasets of other sources than one folder of Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

import duckwing as dw
from duckwing.errors import DeclarationError
from duckwing.testing import call

ROWS = pa.table({"n": pa.array(range(1000), pa.int64()), "s": [f"s{n % 7}" for n in range(1000)]})


def rows_of(function: Any) -> list[tuple[Any, ...]]:
    table = call(function)
    return sorted(zip(*(column.to_pylist() for column in table.columns), strict=True))


def numbers(function: Any) -> list[int]:
    return [n for (n, *_) in rows_of(function)]


def test_a_file(tmp_path: Path) -> None:
    pq.write_table(ROWS, tmp_path / "one.parquet", row_group_size=100)
    assert numbers(dw.dataset(tmp_path / "one.parquet")) == list(range(1000))


def test_a_list_of_files(tmp_path: Path) -> None:
    for place in range(3):
        pq.write_table(ROWS.slice(place * 300, 300), tmp_path / f"{place}.parquet")
    function = dw.dataset([str(tmp_path / "0.parquet"), str(tmp_path / "2.parquet")])
    assert numbers(function) == [*range(300), *range(600, 900)]


def test_other_formats(tmp_path: Path) -> None:
    feather.write_feather(ROWS, tmp_path / "rows.arrow")
    assert numbers(dw.dataset(tmp_path / "rows.arrow", format="feather")) == list(range(1000))


def test_folders_that_are_values(tmp_path: Path) -> None:
    for year in (2023, 2024):
        (tmp_path / str(year)).mkdir()
        pq.write_table(ROWS.slice(0, 2), tmp_path / str(year) / "rows.parquet")
    layout = ds.partitioning(pa.schema([("year", pa.int16())]))
    function = dw.dataset(tmp_path, partitioning=layout)
    assert rows_of(function) == [(0, "s0", 2023), (0, "s0", 2024), (1, "s1", 2023), (1, "s1", 2024)]


def test_a_dataset_in_memory() -> None:
    assert numbers(dw.dataset(ds.dataset(ROWS))) == list(range(1000))


def test_dictionaries_are_plain_text(tmp_path: Path) -> None:
    coded = ROWS.set_column(1, "s", ROWS["s"].dictionary_encode())
    pq.write_table(coded, tmp_path / "coded.parquet")
    assert rows_of(dw.dataset(tmp_path))[:2] == [(0, "s0"), (1, "s1")]


def test_an_empty_folder(tmp_path: Path) -> None:
    pq.write_table(ROWS.slice(0, 0), tmp_path / "none.parquet")
    assert rows_of(dw.dataset(tmp_path)) == []


@pytest.mark.parametrize("source", [3, None, b"path"])
def test_what_is_no_source(source: Any) -> None:
    with pytest.raises(DeclarationError, match="dataset 'scan' reads a path, paths or a pyarrow dataset"):
        dw.dataset(source)
