"""The functions of ``served``, and a bucket that the environment names."""

import os
import runpy
from pathlib import Path

import duckwing as dw
from duckwing.http.objects import S3Objects

catalog: dw.Catalog = runpy.run_path(str(Path(__file__).with_name("served.py")))["served"]

worker = dw.Worker(catalog)
worker.offload(S3Objects(os.environ["BUCKET"], prefix="dw/"), above=50_000)

if __name__ == "__main__":
    worker.run()
