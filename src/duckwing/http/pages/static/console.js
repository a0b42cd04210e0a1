"use strict";
// The SQL console: DuckDB with the vgi extension as WebAssembly in this browser, attached to the worker that serves this page.
(() => {
  const SHOWN = 1000;
  const REMEMBERED = 50;
  const HISTORY = "duckwing-history";

  const place = document.getElementById("console");
  if (!place) return;
  const [sql, run, state, result, history] = ["sql", "run", "state", "result", "history"].map((id) =>
    document.getElementById(id),
  );
  const base = new URL(place.dataset.base + "/", location.href).href;
  const worker = new URL(place.dataset.worker, location.href).href;

  const element = (name, text, className) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };

  const script = (url) =>
    new Promise((resolve, reject) => {
      const made = document.createElement("script");
      made.src = url;
      made.onload = resolve;
      made.onerror = () => reject(new Error(`${url} could not be loaded`));
      document.head.append(made);
    });

  // The engine's library is written for bundlers: it asks for Arrow by require().
  const library = async () => {
    await script(`${base}arrow.js`);
    const arrow = window.Arrow;
    window.module = { exports: {} };
    window.exports = window.module.exports;
    window.require = () => arrow;
    try {
      await script(`${base}duckdb-browser.cjs`);
      return window.module.exports;
    } finally {
      delete window.module;
      delete window.exports;
      delete window.require;
    }
  };

  const quoted = (text) => `'${text.replaceAll("'", "''")}'`;
  let database = null;
  let connection = null;
  let busy = false;

  const start = async () => {
    say("Starting DuckDB …");
    const duckdb = await library();
    const module = `${base}duckdb-eh.wasm`;
    const found = await fetch(module, { method: "HEAD" }); // the engine would wait for ever for what cannot be had
    if (!found.ok) throw new Error(`${module} could not be loaded (status ${found.status})`);
    const thread = new Worker(`${base}duckdb-browser-eh.worker.js`);
    const broken = new Promise((_, reject) => {
      // nobody else would say that its script could not be loaded
      thread.addEventListener("error", (event) => reject(new Error(event.message || "the engine could not be loaded")));
    });
    database = new duckdb.AsyncDuckDB(new duckdb.VoidLogger(), thread);
    const loaded = database.instantiate(module, null, ({ bytesLoaded, bytesTotal }) => {
      const percent = bytesTotal ? ` ${Math.min(100, Math.round((100 * bytesLoaded) / bytesTotal))} %` : "";
      say(`Loading DuckDB …${percent}`);
    });
    await Promise.race([loaded, broken]);
    await database.open({ path: ":memory:", allowUnsignedExtensions: true });
    connection = await database.connect();
    say("Loading the vgi extension …");
    await connection.query("SET autoinstall_known_extensions = false");
    await connection.query("SET autoload_known_extensions = false");
    await connection.query(`LOAD ${quoted(`${base}vgi.duckdb_extension.wasm`)}`);
    const version = (await connection.query("SELECT version() AS v")).getChildAt(0).get(0);
    say("Attaching …");
    try {
      await connection.query(place.dataset.attach);
      if (place.dataset.use) await connection.query(place.dataset.use);
      say(`DuckDB ${version} in this browser, attached to this worker.`);
    } catch (error) {
      if (await isUnknown()) throw error;
      say(`DuckDB ${version} in this browser. Attaching this worker failed; change the statement below and run it.`);
      fail(error);
      sql.value = `${place.dataset.attach};`;
    }
    run.disabled = false;
    place.dataset.ready = "true";
  };

  const say = (text) => {
    state.textContent = text;
  };

  // Values as DuckDB prints them

  const digits = (value, width) => String(value).padStart(width, "0");

  const fraction = (value, unit) => {
    // value is a BigInt of units; unit says how many of them are a second
    const seconds = value / unit - (value % unit < 0n ? 1n : 0n);
    const rest = value - seconds * unit;
    const width = String(unit).length - 1;
    return [seconds, rest ? `.${digits(rest, width).replace(/0+$/, "")}` : ""];
  };

  const clock = (seconds) =>
    [seconds / 3600n, (seconds / 60n) % 60n, seconds % 60n].map((part) => digits(part, 2)).join(":");

  const UNITS = [1n, 1000n, 1000000n, 1000000000n];

  const instant = (value, unit) => {
    const [seconds, rest] = fraction(value, UNITS[unit]);
    const date = new Date(Number(seconds) * 1000);
    if (Number.isNaN(date.getTime())) return String(value);
    return date.toISOString().slice(0, -5).replace("T", " ") + rest;
  };

  const decimal = (words, scale) => {
    let value = 0n;
    for (let place = words.length - 1; place >= 0; place -= 1) value = (value << 32n) | BigInt(words[place]);
    value = BigInt.asIntN(32 * words.length, value);
    const text = digits(value < 0n ? -value : value, scale + 1);
    return (value < 0n ? "-" : "") + (scale ? `${text.slice(0, -scale)}.${text.slice(-scale)}` : text);
  };

  const interval = (words) => {
    const [months, days] = words;
    const nanoseconds = words.length === 4 ? (BigInt(words[3]) << 32n) | BigInt(words[2] >>> 0) : 0n;
    const parts = [];
    const count = (number, word) => number && parts.push(`${number} ${word}${Math.abs(number) === 1 ? "" : "s"}`);
    count(Math.trunc(months / 12), "year");
    count(months % 12, "month");
    count(days, "day");
    if (nanoseconds || !parts.length) {
      const [seconds, rest] = fraction(nanoseconds < 0n ? -nanoseconds : nanoseconds, UNITS[3]);
      parts.push((nanoseconds < 0n ? "-" : "") + clock(seconds) + rest);
    }
    return parts.join(" ");
  };

  const byteText = (byte) =>
    byte > 31 && byte < 127 && byte !== 92 ? String.fromCharCode(byte) : `\\x${digits(byte.toString(16).toUpperCase(), 2)}`;

  const floating = (value, precision) => {
    if (Number.isNaN(value)) return "nan";
    if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
    let text = String(value);
    if (precision === 1) {
      // a float of 32 bits has fewer digits than the number of JavaScript that holds it
      for (let places = 6; places <= 9; places += 1) {
        text = String(Number(value.toPrecision(places)));
        if (Math.fround(Number(text)) === value) break;
      }
    }
    if (Object.is(value, -0)) return "-0.0";
    return /^-?[0-9]+$/.test(text) ? `${text}.0` : text;
  };

  const TYPE = { dictionary: -1, float: 3, text: 5, decimal: 7, date: 8, time: 9, timestamp: 10, interval: 11, list: 12, struct: 13, fixedList: 16, map: 17 };

  /** The text of a row of an Arrow vector; null for NULL. */
  const textOf = (vector, row) => {
    if (!vector.isValid(row)) return null;
    const data = vector.data.find((part) => row < part.length || ((row -= part.length), false));
    const type = data.type;
    const raw = data.values;
    switch (type.typeId) {
      case TYPE.decimal: {
        const width = type.bitWidth / 32;
        return decimal(raw.subarray(row * width, (row + 1) * width), type.scale);
      }
      case TYPE.date:
        return instant(type.unit === 0 ? BigInt(raw[row]) * 86400n : BigInt(raw[row]) / 1000n, 0).slice(0, -9);
      case TYPE.time: {
        const [seconds, rest] = fraction(BigInt(raw[row]), UNITS[type.unit]);
        return clock(seconds) + rest;
      }
      case TYPE.timestamp:
        return instant(BigInt(raw[row]), type.unit) + (type.timezone ? "+00" : "");
      case TYPE.interval: {
        const width = raw.length / data.length;
        return interval(raw.subarray(row * width, (row + 1) * width));
      }
      case TYPE.map: {
        const [keys, values] = data.children[0].children.map((part) => new window.Arrow.Vector([part]));
        const pairs = [];
        for (let place = data.valueOffsets[row]; place < data.valueOffsets[row + 1]; place += 1) {
          pairs.push(`${inside(keys, place)}=${inside(values, place)}`);
        }
        return `{${pairs.join(", ")}}`;
      }
      case TYPE.list:
      case TYPE.fixedList: {
        const child = new window.Arrow.Vector([data.children[0]]);
        const size = type.listSize;
        const from = size ? row * size : data.valueOffsets[row];
        const to = size ? from + size : data.valueOffsets[row + 1];
        const items = [];
        for (let place = from; place < to; place += 1) items.push(inside(child, place));
        return `[${items.join(", ")}]`;
      }
      case TYPE.struct: {
        const members = type.children.map((field, place) => {
          const value = inside(new window.Arrow.Vector([data.children[place]]), row);
          return `'${field.name}': ${value}`;
        });
        return `{${members.join(", ")}}`;
      }
      default: {
        const value = new window.Arrow.Vector([data]).get(row);
        if (value instanceof Uint8Array) return [...value].map(byteText).join("");
        return type.typeId === TYPE.float ? floating(value, type.precision) : String(value);
      }
    }
  };

  /** The text of a value within a list, struct or map, where text is quoted if it would be misread. */
  const inside = (vector, row) => {
    const text = textOf(vector, row);
    if (text === null) return "NULL";
    const plain = vector.type.typeId !== TYPE.text || /^[\p{L}\p{N}_.:+-]+$/u.test(text);
    return plain ? text : `'${text.replaceAll("'", "\\'")}'`;
  };

  const NUMERIC = new Set([2, 3, 7]);

  const typeName = (type) => {
    const text = String(type);
    const known = { Utf8: "VARCHAR", LargeUtf8: "VARCHAR", Bool: "BOOLEAN", Int8: "TINYINT", Int16: "SMALLINT", Int32: "INTEGER", Int64: "BIGINT", Uint8: "UTINYINT", Uint16: "USMALLINT", Uint32: "UINTEGER", Uint64: "UBIGINT", Float32: "FLOAT", Float64: "DOUBLE", Binary: "BLOB", Null: '"NULL"' };
    if (text in known) return known[text];
    switch (type.typeId) {
      case TYPE.decimal:
        return `DECIMAL(${type.precision},${type.scale})`;
      case TYPE.date:
        return "DATE";
      case TYPE.time:
        return "TIME";
      case TYPE.timestamp:
        return type.timezone ? "TIMESTAMP WITH TIME ZONE" : ["TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP", "TIMESTAMP_NS"][type.unit];
      case TYPE.interval:
        return "INTERVAL";
      case TYPE.dictionary:
        return "ENUM";
      case TYPE.list:
        return `${typeName(type.children[0].type)}[]`;
      case TYPE.fixedList:
        return `${typeName(type.children[0].type)}[${type.listSize}]`;
      case TYPE.map:
        return `MAP(${type.children[0].type.children.map((field) => typeName(field.type)).join(", ")})`;
      case TYPE.struct:
        return `STRUCT(${type.children.map((field) => `${field.name} ${typeName(field.type)}`).join(", ")})`;
      default:
        return text;
    }
  };

  // Running

  /** The text of an error; the engine's are sometimes JSON. */
  const messageOf = (error) => {
    const text = String((error && error.message) || error);
    try {
      const parsed = JSON.parse(text);
      return `${parsed.exception_type} Error: ${parsed.exception_message}`;
    } catch {
      return text;
    }
  };

  const fail = (error) => {
    const box = element("div", undefined, "notice");
    box.setAttribute("role", "alert");
    box.append(element("pre", messageOf(error)));
    result.append(box);
  };

  // Who is signed in. The engine's requests carry the browser's cookies; what it says of a refused one is about its
  // own ways to sign in, none of which this page permits. So after an error the worker is asked for its status.

  /** Whether the worker does not know (any more) who is there. */
  const isUnknown = async () => {
    try {
      const answer = await fetch(worker, { headers: { Accept: "application/json" }, cache: "no-store", signal: AbortSignal.timeout(5000) });
      return answer.status === 401;
    } catch {
      return false; // it cannot be reached, which the error says
    }
  };

  /** Ask the person to sign in: in another tab, unless there is nothing here yet that a reload would lose. */
  const askToSignIn = (reload) => {
    const box = element("div", undefined, "notice");
    box.setAttribute("role", "alert");
    const told = element("p");
    told.append(element("strong", "You are no longer signed in to this worker."));
    box.append(told);
    const { login } = place.dataset;
    if (!login && !reload) told.append(" Sign in again in another tab, as you did before; then run this again.");
    if (login || reload) {
      const link = element("a", "Sign in again");
      link.id = "sign-in";
      link.href = reload ? location.href : login;
      if (!reload) link.target = "_blank";
      else
        link.addEventListener("click", (event) => {
          event.preventDefault(); // the address may differ in its fragment alone, which loads nothing
          location.reload();
        });
      told.append(" ", link, reload ? "." : " in another tab, come back, and run this again. What you have made here is kept.");
    }
    result.append(box);
    if (reload) return;
    const back = async () => {
      if (document.hidden || (await isUnknown()) || !box.isConnected) return;
      document.removeEventListener("visibilitychange", back);
      box.className = "notice calm";
      told.replaceChildren("You are signed in again. Run the statement once more.");
    };
    document.addEventListener("visibilitychange", back);
  };

  const table = (schema, batches, count) => {
    const made = element("table");
    const head = made.createTHead().insertRow();
    for (const field of schema.fields) {
      const cell = element("th", field.name);
      cell.scope = "col";
      if (NUMERIC.has(field.type.typeId)) cell.className = "number";
      cell.append(element("span", typeName(field.type), "type"));
      head.append(cell);
    }
    const body = made.createTBody();
    for (const batch of batches) {
      const vectors = schema.fields.map((_, place) => batch.getChildAt(place));
      for (let row = 0; row < batch.numRows && body.rows.length < count; row += 1) {
        const line = body.insertRow();
        schema.fields.forEach((field, place) => {
          const text = textOf(vectors[place], row);
          const cell = element("td", text ?? "NULL");
          cell.classList.toggle("null", text === null);
          cell.classList.toggle("number", NUMERIC.has(field.type.typeId));
          line.append(cell);
        });
      }
    }
    const scroll = element("div", undefined, "scroll rows");
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", "Rows");
    scroll.append(made);
    return scroll;
  };

  const show = (schema, batches, more, milliseconds, place) => {
    const rows = batches.reduce((sum, batch) => sum + batch.numRows, 0);
    const fields = schema.fields;
    const silent = rows === 0 && (!fields.length || (fields.length === 1 && fields[0].name === "Success"));
    const shown = Math.min(rows, SHOWN);
    const counted = silent ? "done" : more ? `the first ${shown.toLocaleString("en")} rows; there are more` : `${rows.toLocaleString("en")} row${rows === 1 ? "" : "s"}`;
    const took = milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
    result.append(element("p", `${place}${counted}, ${took}`, "hint summary"));
    if (!silent) result.append(table(schema, batches, SHOWN));
  };

  /** The statements of a text; the engine says where they end. */
  const statementsOf = async (text) => {
    const bytes = new TextEncoder().encode(text);
    const { offsets, types } = await database.tokenize(text);
    const OPERATOR = 3;
    const ends = [...offsets].filter((offset, place) => types[place] === OPERATOR && bytes[offset] === 59);
    const pieces = [...ends, bytes.length].map((end, place) =>
      new TextDecoder().decode(bytes.subarray(place ? ends[place - 1] + 1 : 0, end)).trim(),
    );
    return pieces.filter(Boolean);
  };

  /** The batches of a statement, as many as are shown, and whether there are more rows. */
  const batchesOf = async (text) => {
    const reader = await connection.send(text, true);
    await reader.open();
    const schema = reader.schema; // the reader forgets it at the end
    const batches = [];
    let rows = 0;
    for await (const batch of reader) {
      batches.push(batch);
      rows += batch.numRows;
      if (rows > SHOWN) {
        await connection.cancelSent();
        break;
      }
    }
    return [schema, batches, rows > SHOWN];
  };

  const runNow = async () => {
    const text = sql.value.trim();
    if (!text || busy || !connection) return;
    busy = true;
    run.disabled = true;
    run.textContent = "Running …";
    place.dataset.done = "false";
    remember(text);
    result.replaceChildren();
    try {
      const statements = await statementsOf(text);
      for (const [place, statement] of statements.entries()) {
        const began = performance.now();
        const [schema, batches, more] = await batchesOf(statement);
        const number = statements.length > 1 ? `Statement ${place + 1}: ` : "";
        show(schema, batches, more, performance.now() - began, number);
      }
    } catch (error) {
      if (await isUnknown()) askToSignIn(false);
      else fail(error);
    } finally {
      busy = false;
      run.disabled = false;
      run.textContent = "Run";
      place.dataset.done = "true";
    }
  };

  // What was run before, for this tab

  let past = [];
  try {
    const kept = JSON.parse(sessionStorage.getItem(HISTORY) || "[]");
    if (Array.isArray(kept)) past = kept.filter((text) => typeof text === "string");
  } catch {
    // it begins empty
  }

  const listPast = () => {
    history.replaceChildren(element("option", "History"));
    history.firstChild.value = "";
    for (const text of past) {
      const option = element("option", text.replace(/\s+/g, " ").slice(0, 80));
      option.value = text;
      history.append(option);
    }
    history.hidden = !past.length;
  };

  const remember = (text) => {
    past = [text, ...past.filter((other) => other !== text)].slice(0, REMEMBERED);
    try {
      sessionStorage.setItem(HISTORY, JSON.stringify(past));
    } catch {
      // then it lasts as long as the page
    }
    listPast();
  };

  const take = (text) => {
    sql.value = text;
    sql.focus();
    sql.scrollIntoView({ block: "nearest" });
  };

  history.addEventListener("change", () => {
    if (history.value) take(history.value);
    history.value = "";
  });
  run.addEventListener("click", runNow);
  sql.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      runNow();
    }
  });
  for (const example of document.querySelectorAll("button.example")) {
    example.addEventListener("click", () => take(example.dataset.sql));
  }

  // A link may bring a statement. It is not run: whoever made the link is not the one who looks at it.
  const brought = location.hash.startsWith("#sql=") ? location.hash.slice(5) : "";
  try {
    if (brought) sql.value = decodeURIComponent(brought);
  } catch {
    // not a link of ours
  }
  listPast();
  start().catch(async (error) => {
    const unknown = await isUnknown();
    say(unknown ? "The console could not be attached to this worker." : "DuckDB could not be started in this browser.");
    if (unknown) askToSignIn(true);
    else fail(error);
    place.dataset.ready = "failed";
  });
})();
