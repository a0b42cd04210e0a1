"""The scripts of :mod:`~duckwing.state.redis`: each is one step for everybody else.

The keys of a scope are always the same seven, whatever is in it: namespace and key are joined to one *name*
(:func:`~duckwing.state.redis.joined`).

1. ``scope``: a hash with the ``id`` of the scope, the ``run`` of the server to which it belongs ("" for any), and
   the ``last`` id of its logs.
2. ``queue``: a list.
3. ``names``: a sorted set of the names of values; all scores are 0, so it is in the order of the bytes.
4. ``values``: a hash from name to value.
5. ``entries``: a sorted set like ``names``, of the names of logs with the 8 bytes of an id behind them.
6. ``items``: a hash from the 8 bytes of an id to the item of a log.
7. ``counters``: a hash from name to number.

``ARGV[1]`` and ``ARGV[2]`` are the id of the scope and the run of the server.
"""

from __future__ import annotations

from collections.abc import Mapping

GONE = "DUCKWING_GONE"
"""How the error begins of a script that finds another scope or none."""

OVERFLOW = "DUCKWING_OVERFLOW"
"""How the error begins of a counter that would overflow."""

# A call has room for some thousand arguments on Lua's stack.
_HEAD = """
local known = redis.call('HMGET', KEYS[1], 'id', 'run')
if known[1] ~= ARGV[1] or (known[2] ~= '' and known[2] ~= ARGV[2]) then
    return redis.error_reply('DUCKWING_GONE the scope is gone')
end
local function in_chunks(first, list, apply)
    for i = first, #list, 1000 do apply({unpack(list, i, math.min(i + 999, #list))}) end
end
local function found(names)
    local result = {}
    in_chunks(1, names, function(some)
        local values = redis.call('HMGET', KEYS[4], unpack(some))
        for i, name in ipairs(some) do
            result[#result + 1] = name
            result[#result + 1] = values[i]
        end
    end)
    return result
end
local function forget(names, first)
    local n = 0
    in_chunks(first or 1, names, function(some)
        redis.call('ZREM', KEYS[3], unpack(some))
        n = n + redis.call('HDEL', KEYS[4], unpack(some))
    end)
    return n
end
"""

_PARTS: Mapping[str, str] = {
    "push": """
in_chunks(3, ARGV, function(some) redis.call('RPUSH', KEYS[2], unpack(some)) end)
return #ARGV - 2
""",
    "pop": "return redis.call('LPOP', KEYS[2])",
    "clear_queue": """
local n = redis.call('LLEN', KEYS[2])
redis.call('UNLINK', KEYS[2])
return n
""",
    "get": """
local result = {}
in_chunks(3, ARGV, function(some)
    local values = redis.call('HMGET', KEYS[4], unpack(some))
    for i = 1, #some do result[#result + 1] = values[i] end
end)
return result
""",
    "put": """
for i = 3, #ARGV, 2 do
    redis.call('ZADD', KEYS[3], 0, ARGV[i])
    redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1])
end
""",
    "scan": "return found(redis.call('ZRANGEBYLEX', KEYS[3], ARGV[3], ARGV[4], 'LIMIT', 0, ARGV[5]))",
    "scan_back": "return found(redis.call('ZREVRANGEBYLEX', KEYS[3], ARGV[4], ARGV[3], 'LIMIT', 0, ARGV[5]))",
    "drain": """
local names = redis.call('ZRANGEBYLEX', KEYS[3], ARGV[3], ARGV[4])
local result = found(names)
forget(names)
return result
""",
    "delete": "return forget(ARGV, 3)",
    "delete_range": "return forget(redis.call('ZRANGEBYLEX', KEYS[3], ARGV[3], ARGV[4]))",
    "append": """
local id = redis.call('HINCRBY', KEYS[1], 'last', 1)
local packed = struct.pack('>I8', id)
redis.call('ZADD', KEYS[5], 0, ARGV[3] .. packed)
redis.call('HSET', KEYS[6], packed, ARGV[4])
return id
""",
    "log_scan": """
local result = {}
for _, entry in ipairs(redis.call('ZRANGEBYLEX', KEYS[5], ARGV[3], ARGV[4], 'LIMIT', 0, ARGV[5])) do
    local packed = string.sub(entry, -8)
    result[#result + 1] = packed
    result[#result + 1] = redis.call('HGET', KEYS[6], packed)
end
return result
""",
    "counter_get": "return redis.call('HGET', KEYS[7], ARGV[3]) or '0'",
    # A number of Lua has 53 bits, so sums are read as text; a difference of two counters takes several steps.
    "counter_add": """
local before = redis.call('HGET', KEYS[7], ARGV[3])
for i = 4, #ARGV do
    local added = redis.pcall('HINCRBY', KEYS[7], ARGV[3], ARGV[i])
    if type(added) == 'table' and added.err then
        if before then redis.call('HSET', KEYS[7], ARGV[3], before) else redis.call('HDEL', KEYS[7], ARGV[3]) end
        if string.find(added.err, 'overflow') then return redis.error_reply('DUCKWING_OVERFLOW') end
        return added
    end
end
return redis.call('HGET', KEYS[7], ARGV[3])
""",
    "counter_set": "redis.call('HSET', KEYS[7], ARGV[3], ARGV[4])",
    "counter_delete": "redis.call('HDEL', KEYS[7], ARGV[3])",
    "clear": "redis.call('UNLINK', KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7])",
}

STORE: Mapping[str, str] = {name: _HEAD + part for name, part in _PARTS.items()}
"""The operations of a store."""

# KEYS[8] is the sorted set of all scopes by the time of their last use, ARGV[3] the name of this one in it.
_NOW = """
local now = redis.call('TIME')
now = now[1] + now[2] / 1000000
"""

CREATE = (
    _NOW
    + """
local known = redis.call('HMGET', KEYS[1], 'id', 'run')
if known[1] and (known[2] == '' or known[2] == ARGV[2]) then return 0 end
redis.call('UNLINK', unpack(KEYS, 1, 7))
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'run', ARGV[4], 'last', 0)
redis.call('ZADD', KEYS[8], now, ARGV[3])
return 1
"""
)
"""Makes the scope of the id ``ARGV[1]``, for the run ``ARGV[4]`` or "" for any; 0 if there is one."""

OPEN = (
    _NOW
    + """
local known = redis.call('HMGET', KEYS[1], 'id', 'run')
if not known[1] or (known[2] ~= '' and known[2] ~= ARGV[2]) then return false end
if ARGV[1] == '' or ARGV[1] == known[1] then redis.call('ZADD', KEYS[8], now, ARGV[3]) end
return known[1]
"""
)
"""Says that a scope is in use; its id, or nothing without one. With an ``ARGV[1]`` only if that is its id."""

REMOVE = (
    _NOW
    + """
local used = redis.call('ZSCORE', KEYS[8], ARGV[3])
if ARGV[4] ~= '' and (not used or used + ARGV[4] > now) then return 0 end
redis.call('UNLINK', unpack(KEYS, 1, 7))
redis.call('ZREM', KEYS[8], ARGV[3])
return 1
"""
)
"""Removes a scope; with an ``ARGV[4]`` only if nobody has used it for so many seconds."""

RENEW = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end return redis.call('PEXPIRE', KEYS[1], ARGV[2])"
"""Holds a lease for ``ARGV[2]`` milliseconds more, if ``ARGV[1]`` holds it."""

RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"
"""Gives a lease up, if ``ARGV[1]`` holds it."""
