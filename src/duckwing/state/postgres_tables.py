"""The tables and functions of :mod:`~duckwing.state.postgres`.

Each function is called by a statement of its own, so all its steps happen or none, and each step sees what was
committed before it began (READ COMMITTED). Rows of several keys are changed only while the row of their scope is
held; who changes one row needs nothing but that. The row of the scope also gives the ids of logs and the places
in the queue, and stays locked until they are committed: whoever sees an id will see none below it later, which a
sequence would not promise.
"""

from __future__ import annotations

GONE = "DW001"
"""The SQLSTATE of what is done to a scope that is not there."""

TABLES = """
CREATE SCHEMA duckwing_1;
SET LOCAL search_path = duckwing_1, pg_temp;

CREATE TABLE scope (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    last bigint NOT NULL DEFAULT 0,
    used timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);
CREATE TABLE queue (
    scope bigint NOT NULL REFERENCES scope ON DELETE CASCADE, id bigint NOT NULL, item bytea NOT NULL,
    PRIMARY KEY (scope, id)
);
CREATE TABLE item (
    scope bigint NOT NULL REFERENCES scope ON DELETE CASCADE, ns bytea NOT NULL, key bytea NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (scope, ns, key)
);
CREATE TABLE log (
    scope bigint NOT NULL REFERENCES scope ON DELETE CASCADE, ns bytea NOT NULL, key bytea NOT NULL,
    id bigint NOT NULL, item bytea NOT NULL,
    PRIMARY KEY (scope, ns, key, id)
);
CREATE TABLE counter (
    scope bigint NOT NULL REFERENCES scope ON DELETE CASCADE, ns bytea NOT NULL, key bytea NOT NULL,
    value bigint NOT NULL,
    PRIMARY KEY (scope, ns, key)
);
CREATE TABLE lease (name text PRIMARY KEY, holder text NOT NULL, until timestamptz NOT NULL);

CREATE FUNCTION gone() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the scope is gone' USING ERRCODE = 'DW001';
END $$;

-- Holds the scope against all who change several of its rows, so that these do not wait for each other in a circle.
CREATE FUNCTION hold(s bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM duckwing_1.scope WHERE id = s FOR NO KEY UPDATE;
    IF NOT FOUND THEN PERFORM duckwing_1.gone(); END IF;
END $$;

CREATE FUNCTION advance(s bigint, n bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE before bigint;
BEGIN
    UPDATE duckwing_1.scope SET last = last + n WHERE id = s RETURNING last - n INTO before;
    IF NOT FOUND THEN PERFORM duckwing_1.gone(); END IF;
    RETURN before;
END $$;

CREATE FUNCTION push(s bigint, items bytea[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE before bigint := duckwing_1.advance(s, cardinality(items));
BEGIN
    INSERT INTO duckwing_1.queue (scope, id, item)
    SELECT s, before + t.n, t.item FROM unnest(items) WITH ORDINALITY AS t (item, n);
END $$;

-- NULL only if there was a moment without items: what others are taking out may come back, and new ones may have come.
CREATE FUNCTION pop(s bigint) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE found_item bytea;
BEGIN
    LOOP
        DELETE FROM duckwing_1.queue WHERE scope = s AND id = (
            SELECT id FROM duckwing_1.queue WHERE scope = s ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
        ) RETURNING item INTO found_item;
        IF FOUND THEN RETURN found_item; END IF;
        PERFORM FROM duckwing_1.queue WHERE scope = s ORDER BY id LIMIT 1 FOR UPDATE;
        IF NOT FOUND AND NOT EXISTS (SELECT FROM duckwing_1.queue WHERE scope = s) THEN
            IF NOT EXISTS (SELECT FROM duckwing_1.scope WHERE id = s) THEN PERFORM duckwing_1.gone(); END IF;
            RETURN NULL;
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION clear_queue(s bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
    PERFORM duckwing_1.hold(s);
    DELETE FROM duckwing_1.queue WHERE scope = s;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;

CREATE FUNCTION put_many(s bigint, n bytea, keys bytea[], contents bytea[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM duckwing_1.hold(s);
    INSERT INTO duckwing_1.item (scope, ns, key, value) SELECT s, n, t.k, t.v FROM unnest(keys, contents) AS t (k, v)
    ON CONFLICT (scope, ns, key) DO UPDATE SET value = excluded.value;
END $$;

CREATE FUNCTION drain(s bigint, n bytea) RETURNS TABLE (k bytea, v bytea) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM duckwing_1.hold(s);
    RETURN QUERY DELETE FROM duckwing_1.item WHERE scope = s AND ns = n RETURNING key, value;
END $$;

CREATE FUNCTION delete_keys(s bigint, n bytea, keys bytea[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE total bigint;
BEGIN
    PERFORM duckwing_1.hold(s);
    DELETE FROM duckwing_1.item WHERE scope = s AND ns = n AND key = ANY (keys);
    GET DIAGNOSTICS total = ROW_COUNT;
    RETURN total;
END $$;

CREATE FUNCTION delete_range(s bigint, n bytea, first bytea, stop bytea) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE total bigint;
BEGIN
    PERFORM duckwing_1.hold(s);
    DELETE FROM duckwing_1.item WHERE scope = s AND ns = n AND key >= first AND (stop IS NULL OR key < stop);
    GET DIAGNOSTICS total = ROW_COUNT;
    RETURN total;
END $$;

CREATE FUNCTION append(s bigint, n bytea, k bytea, i bytea) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE added bigint := duckwing_1.advance(s, 1) + 1;
BEGIN
    INSERT INTO duckwing_1.log (scope, ns, key, id, item) VALUES (s, n, k, added, i);
    RETURN added;
END $$;

-- The sum is a numeric, so that only what does not fit in the end is an error.
CREATE FUNCTION counter_add(s bigint, n bytea, k bytea, amount numeric) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE total bigint;
BEGIN
    LOOP
        UPDATE duckwing_1.counter SET value = (value + amount)::bigint WHERE scope = s AND ns = n AND key = k
        RETURNING value INTO total;
        IF FOUND THEN RETURN total; END IF;
        INSERT INTO duckwing_1.counter (scope, ns, key, value) VALUES (s, n, k, 0) ON CONFLICT DO NOTHING;
    END LOOP;
END $$;

CREATE FUNCTION clear(s bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM duckwing_1.hold(s);
    DELETE FROM duckwing_1.item WHERE scope = s;
    DELETE FROM duckwing_1.log WHERE scope = s;
    DELETE FROM duckwing_1.counter WHERE scope = s;
END $$;
"""
