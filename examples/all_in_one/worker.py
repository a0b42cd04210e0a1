# /// script
# dependencies = ["duckwing"]
# ///
"""Every kind of function that Duckwing has, a table, a view and macros, on measurements of weather stations."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator
from typing import Annotated, Literal

import pyarrow as pa

import duckwing as dw
from duckwing.types import DOUBLE, TIMESTAMP, VARCHAR

weather = dw.Catalog("weather", comment="Every kind of function, on measurements of weather stations")

weather.setting(
    "weather_unit", VARCHAR, default="celsius", description="Unit in which degrees() writes: celsius or fahrenheit"
)
weather.secret_type(
    "weather_api", {"token": VARCHAR}, redact=["token"], description="Access to the service that has the measurements"
)


# A scalar function on Python values is called once per row. NULL in, NULL out: it never sees one.


@weather.scalar(examples=[("SELECT fahrenheit(20.0)", "68.0")])
def fahrenheit(celsius: float) -> float:
    """Degrees Celsius as degrees Fahrenheit.

    Args:
        celsius: a temperature.
    """
    return celsius * 9 / 5 + 32


# On Arrow arrays it is called once per batch of at most 2,048 rows: faster, the more there are.


@weather.scalar(examples=[("SELECT dew_point(20.0, 50.0)", "about 9.3")])
def dew_point(celsius: pa.DoubleArray, humidity: pa.DoubleArray) -> pa.DoubleArray:
    """The temperature at which dew forms, by the formula of Magnus.

    Args:
        celsius: the temperature of the air.
        humidity: its relative humidity in percent, above 0.
    """
    import pyarrow.compute as pc  # not at the top: a worker starts inside somebody's query

    saturation = pc.divide(pc.multiply(celsius, 17.62), pc.add(celsius, 243.12))
    gamma = pc.add(pc.ln(pc.divide(humidity, 100.0)), saturation)
    return pc.divide(pc.multiply(gamma, 243.12), pc.subtract(17.62, gamma))


# A Context tells what the query knows: settings, caller, log.


@weather.scalar(examples=["SET weather_unit = 'fahrenheit'; SELECT degrees(20.0); RESET weather_unit"])
def degrees(celsius: float, ctx: dw.Context) -> str:
    """A temperature as text, in the unit of the setting weather_unit.

    Args:
        celsius: a temperature.
    """
    unit = ctx.settings["weather_unit"]
    if unit == "fahrenheit":
        return f"{celsius * 9 / 5 + 32:.1f} °F"
    if unit != "celsius":
        raise ValueError(f"weather_unit is {unit!r}; set it to celsius or fahrenheit")
    return f"{celsius:.1f} °C"


# A secret is a parameter that SQL does not see.


@weather.scalar(
    examples=[
        "CREATE OR REPLACE TEMPORARY SECRET example (TYPE weather_api, token 'example'); "
        "SELECT signed_url('https://weather.example/north'); DROP TEMPORARY SECRET example"
    ]
)
def signed_url(url: str, key: Annotated[dw.Secret, dw.Lookup("weather_api")]) -> str:
    """A URL with a signature made with the caller's secret of type weather_api.

    Args:
        url: the URL to sign.
    """
    import hmac

    signature = hmac.new(key["token"].encode(), url.encode(), "sha256").hexdigest()
    return f"{url}?signature={signature[:16]}"


# A table function makes rows of nothing but arguments: a generator of batches, or of tuples.


@weather.table_function(
    columns={"station": VARCHAR, "time": TIMESTAMP, "celsius": DOUBLE, "humidity": DOUBLE},
    examples=["FROM measurements(2, station := 'south') LIMIT 3"],
)
def measurements(days: int, *, station: Literal["north", "south"] = "north") -> Iterator[tuple[object, ...]]:
    """A measurement for each hour from the first of June 2024 on. Invented, and always the same.

    Args:
        days: how many days.
        station: which station.
    """
    warmth = {"north": 11.0, "south": 19.0}[station]
    start = datetime.datetime(2024, 6, 1)
    for hour in range(24 * days):
        swing = math.sin((hour % 24 - 9) / 24 * 2 * math.pi)
        celsius = round(warmth + 6 * swing + 2 * math.sin(hour / 37), 1)
        yield station, start + datetime.timedelta(hours=hour), celsius, round(70 - 20 * swing, 1)


# A class is resumable: its fields say where it is, so that another process could go on with it.


@weather.table_function(columns={"day": TIMESTAMP}, examples=["FROM days(DATE '2024-02-28', 3)"])
class days:  # noqa: N801 - the name of the function in SQL
    """Days, one after the other.

    Args:
        first: the first day.
        count: how many.
    """

    given: int = 0

    def __init__(self, first: datetime.date, count: int):
        self.first = datetime.datetime.combine(first, datetime.time())
        self.count = count

    def next(self) -> dict[str, list[datetime.datetime]] | None:
        """The next thousand days at most; None at the end."""
        numbers = range(self.given, min(self.given + 1000, self.count))
        self.given = numbers.stop
        return {"day": [self.first + datetime.timedelta(days=n) for n in numbers]} if numbers else None


# A row function makes none to many rows of each row of another table: FROM reports, read_report(reports.text).


@weather.row_function(
    columns={"time": VARCHAR, "celsius": DOUBLE}, examples=["FROM read_report('06:00 12.5, 07:00 13, fog')"]
)
def read_report(text: str) -> Iterator[tuple[str, float]]:
    """The measurements in a text such as '06:00 12.5, 07:00 13'. What is none is left out.

    Args:
        text: the text.
    """
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d\d:\d\d)\s+(-?\d+(?:\.\d+)?)\s*", part)
        if found:
            yield found[1], float(found[2])


# A table-in-out function gets a table batch by batch: FROM plausible((FROM t), …).


@weather.table_in_out(
    examples=["FROM plausible((FROM measurements(1)), measure := 'celsius', highest := 12.0)"],
)
def plausible(
    rows: pa.RecordBatch, *, measure: str, lowest: float = -60.0, highest: float = 60.0
) -> Iterator[pa.RecordBatch]:
    """The rows of a table of which a column lies between two limits.

    Args:
        rows: the table.
        measure: name of the column.
        lowest: the lower limit.
        highest: the upper limit.
    """
    import pyarrow.compute as pc

    values = rows[measure]
    yield rows.filter(pc.and_(pc.greater_equal(values, lowest), pc.less_equal(values, highest)))


# A buffering function sees the whole table before it gives a row.


@weather.buffering(examples=["FROM extremes((FROM measurements(7)), measure := 'celsius', k := 2)"])
def extremes(rows: pa.Table, *, measure: str, k: int = 3) -> Iterator[pa.Table]:
    """The rows with the largest values of a column, and those with the smallest.

    Args:
        rows: the table.
        measure: name of the column.
        k: how many of each.
    """
    ordered = rows.sort_by([(measure, "descending")])
    yield ordered.slice(0, k)
    yield ordered.slice(max(k, ordered.num_rows - k))


# An aggregate over all groups at once: its fields are arrays with a number for each group.


@weather.aggregate(
    order_dependent=False, examples=["SELECT station, mean_of(celsius) FROM measurements(7) GROUP BY station"]
)
class mean_of:  # noqa: N801
    """The mean.

    Args:
        value: the values.
    """

    total: dw.PerGroup[float] = 0.0
    count: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, value: pa.DoubleArray) -> None:
        """Take in the rows of a batch, whatever their groups."""
        groups.add(self.total, value)
        groups.count(self.count)

    def result(self, groups: dw.Groups) -> pa.DoubleArray:
        """One value for each group; what take() gives is an array of numpy."""
        return pa.array(groups.take(self.total) / groups.take(self.count))


# Or one instance of the class for each group: simpler, slower.


@weather.aggregate(
    order_dependent=False, distinct_dependent=False, examples=["SELECT span(celsius, '..') FROM measurements(7)"]
)
class span:  # noqa: N801
    """The lowest and the highest value, as text.

    Args:
        value: the values.
        dash: what stands between them.
    """

    lowest: float = math.inf
    highest: float = -math.inf

    def __init__(self, dash: str = " to "):
        self.dash = dash

    def update(self, value: float) -> None:
        """Take in a row."""
        self.lowest = min(self.lowest, value)
        self.highest = max(self.highest, value)

    def merge(self, other: span) -> None:
        """Take in what another thread has seen."""
        self.lowest = min(self.lowest, other.lowest)
        self.highest = max(self.highest, other.highest)

    def result(self) -> str:
        """The value of the group."""
        return f"{self.lowest:g}{self.dash}{self.highest:g}"


# A table is a table function with its arguments, and what SQL should know of its rows.

weather.table(
    "june",
    measurements,
    args=[30],
    named={"station": "south"},
    comment="June 2024 in the south",
    primary_key="time",
    not_null=["station", "time"],
    checks=["humidity BETWEEN 0 AND 100"],
    generated={"fahrenheit": dw.Generated(DOUBLE, "celsius * 1.8 + 32")},
)

# Views and macros are SQL, which DuckDB itself runs. Leave the catalog's name out of it: users choose that.

weather.view(
    "june_days",
    "SELECT CAST(time AS DATE) AS day, min(celsius) AS lowest, max(celsius) AS highest FROM june GROUP BY ALL",
    comment="The days of june",
)
weather.macro("kelvin", ["celsius"], "celsius + 273.15", comment="Degrees Celsius as kelvin")
weather.macro(
    "hottest",
    {"k": 3},
    "SELECT time, celsius FROM june ORDER BY celsius DESC, time LIMIT k",
    comment="The hottest hours of june; only after USE weather",
)


# A second schema: weather.names.slug(…).

names = weather.schema("names", comment="Names of stations")


@names.scalar(examples=["SELECT weather.names.slug('Mount St. Helens')"])
def slug(name: str) -> str:
    """A name as it can stand in a URL.

    Args:
        name: the name.
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


if __name__ == "__main__":
    dw.Worker(weather).run()
