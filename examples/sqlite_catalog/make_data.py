"""Make ``shop.db``, the file that the demo looks at: ``python make_data.py [PATH]``."""

import contextlib
import sqlite3
import sys

CUSTOMERS = ["Ada", "Grace", "Edsger", "Barbara", "Donald"]


def main(path: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.executescript("""
            DROP TABLE IF EXISTS orders;
            DROP TABLE IF EXISTS customers;
            CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, active BOOLEAN DEFAULT 1);
            CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, amount REAL NOT NULL);
        """)
        db.executemany("INSERT INTO customers (name) VALUES (?)", [(name,) for name in CUSTOMERS])
        db.executemany(
            "INSERT INTO orders (customer, amount) VALUES (?, ?)",
            [(1 + n % len(CUSTOMERS), n * 1.25) for n in range(1000)],
        )


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["shop.db"]))
