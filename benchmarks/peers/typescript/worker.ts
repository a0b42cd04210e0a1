// The catalog "bench" as the TypeScript SDK's own documentation would have it written: every function in the
// form that its README shows, with its defaults.

import {
  batchFromColumns,
  defineAggregate,
  defineScalarFunction,
  defineTableBufferingFunction,
  defineTableFunction,
  defineTableInOutFunction,
  deserializeBatch,
  int,
  serializeBatch,
  str,
  toSchema,
  Worker,
} from "@query-farm/vgi";

const addOne = defineScalarFunction({
  name: "add_one",
  params: { value: int },
  returns: int,
  compute: (batch) => Array.from(batch.getChildAt(0)!, (v: bigint | null) => (v == null ? null : v + 1n)),
});

const upper = defineScalarFunction({
  name: "upper_case",
  params: { value: str },
  returns: str,
  compute: (batch) => Array.from(batch.getChildAt(0)!, (v) => (v == null ? null : String(v).toUpperCase())),
});

const vsum = defineAggregate<Record<string, never>, { total: bigint }>({
  name: "vsum",
  args: { value: int },
  outputType: int,
  initialState: () => ({ total: 0n }),
  update: ({ groupIds, columns, ensureState }) => {
    const [values] = columns;
    for (let i = 0; i < groupIds.length; i++) {
      const value = values.get(i);
      if (value != null) ensureState(groupIds[i]).total += BigInt(value);
    }
  },
  combine: (source, target) => ({ total: source.total + target.total }),
  finalize: ({ groupIds, states, outputSchema }) =>
    batchFromColumns(
      { [outputSchema.fields[0].name]: groupIds.map((group) => states.get(group)?.total ?? null) },
      outputSchema,
    ),
});

const seriesSchema = toSchema({ n: int });

const series = defineTableFunction({
  name: "series",
  args: { n: int },
  onBind: () => ({ outputSchema: seriesSchema }),
  initialState: ({ args }) => ({ next: 0, end: Number(args.n) }),
  process: (_params, state, out) => {
    if (state.next >= state.end) return out.finish();
    // The README's table function sends batches of 1000.
    const end = Math.min(state.next + 1000, state.end);
    const n: bigint[] = [];
    for (let i = state.next; i < end; i++) n.push(BigInt(i));
    out.emit(batchFromColumns({ n }, seriesSchema));
    state.next = end;
  },
});

const passThrough = defineTableInOutFunction({
  name: "pass_through",
  process: (_params, _state, batch, out) => out.emit(batch),
});

const rowsNamespace = new TextEncoder().encode("rows");
const onlyPart = new TextEncoder().encode("all");

const keepAll = defineTableBufferingFunction({
  name: "keep_all",
  process: async (batch, { storage }) => {
    await storage.stateAppend(rowsNamespace, onlyPart, serializeBatch(batch));
    return onlyPart;
  },
  combine: () => [onlyPart],
  initialFinalizeState: () => ({ after: -1 }),
  finalize: async ({ storage }, part, state, out) => {
    const [kept] = await storage.stateLogScan(rowsNamespace, part, state.after, 1);
    if (kept === undefined) return out.finish();
    const [id, bytes] = kept;
    out.emit(deserializeBatch(bytes));
    state.after = id;
  },
});

new Worker({
  catalog: {
    name: "bench",
    schemas: [{ name: "main", functions: [addOne, upper, vsum, series, passThrough, keepAll] }],
  },
}).run();
