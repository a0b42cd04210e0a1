"""The parts of ``rpc_service.py``. They know nothing of VGI: no catalogs, no functions, no DuckDB."""
