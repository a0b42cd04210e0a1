"""What the processes of one worker on one machine share.

Everything belongs to a *scope*: an execution, a transaction or an attachment, named by a byte
string. A scope has one directory (and a twin in memory) that is removed as a whole, so nothing has
to be swept row by row: :class:`~duckwing.state.directory.Scopes` finds, makes and sweeps them. In
it are a store (:mod:`~duckwing.state.sqlite`), the marks of processes that are changing the state
(:mod:`~duckwing.state.marks`), and in memory whatever is mapped. Secrets at rest are sealed
(:mod:`~duckwing.state.seal`), and authors' values become bytes without pickle
(:mod:`~duckwing.state.values`).

Nothing here is imported when a worker starts, only by the first call that needs it.
"""
