// Follows a ranking over HTTP, and keeps it as it is now in a file. Node 18 or later, and nothing else; the same calls work in a
// browser (where EventSource does the reading).
//
//   GET /api/v1/rankings/NAME/changes ──► snapshot: the newest window's rows ──► change, change, …    one event a commit
//
// 1. Only what is committed is told: an event is a commit, whole, and its id is the commit's number.
// 2. An upsert is a row's new state, a delete takes it away: what is told twice changes nothing.
// 3. The number lies with the rows. It is sent as Last-Event-ID when the connection is lost or this begins anew; who was away
//    for too long is sent a snapshot, and forgets what was there.

import { readFile, rename, writeFile } from "node:fs/promises";

const [base, ranking, file] = process.argv.slice(2);
if (!file) {
  console.error("node follow.mjs URL RANKING FILE, such as: node follow.mjs http://localhost:8080 top_salesmen ranking.json");
  process.exit(2);
}

const load = async () => {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch (problem) {
    if (problem.code !== "ENOENT") throw problem;
    return { commit: null, rows: {} };
  }
};

// All or nothing: a crash leaves the file as it was.
const save = async () => {
  await writeFile(`${file}.next`, JSON.stringify(shown));
  await rename(`${file}.next`, file);
  console.log(`commit ${shown.commit}: ${Object.keys(shown.rows).length} rows`);
};

const get = async (path, headers) => {
  const answer = await fetch(`${base}/api/v1/${path}`, { headers });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer;
};

// A row is named by its window and its keys.
const nameOf = (keys, start, row) => JSON.stringify([start, ...keys.map((key) => row[key])]);

const take = (keys, event, data) => {
  if (event === "snapshot") {
    shown.rows = {};
    for (const row of data.rows) shown.rows[nameOf(keys, row.window_start, row)] = row;
  } else if (event === "change") {
    for (const { op, window_start, window_end, rank, row, final, commit } of data.changes) {
      const name = nameOf(keys, window_start, row);
      if (op === "upsert") shown.rows[name] = { window_start, window_end, rank, ...row, final, commit };
      else delete shown.rows[name];
    }
  }
  shown.commit = data.commit;
};

const follow = async () => {
  const shapes = await (await get("rankings")).json();
  const shape = shapes.find((one) => one.name === ranking);
  if (!shape) throw new Error(`there is no ranking ${ranking}; there are: ${shapes.map((one) => one.name).join(", ")}`);
  const headers = shown.commit === null ? {} : { "last-event-id": String(shown.commit) };
  const answer = await get(`rankings/${ranking}/changes`, headers);
  let text = "";
  for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
    const events = (text + piece).split("\n\n");
    text = events.pop();
    let news = false;
    for (const event of events) {
      const fields = Object.fromEntries(event.split("\n").map((line) => line.split(/: ?(.*)/s)));
      // A comment, now and then, says that the server is there.
      if (!fields.data) continue;
      take(shape.keys, fields.event, JSON.parse(fields.data));
      news = true;
    }
    if (news) await save();
  }
};

const shown = await load();
for (;;) {
  try {
    await follow();
  } catch (problem) {
    console.error(`${problem.message}; again in a second`);
  }
  await new Promise((resolve) => setTimeout(resolve, 1000));
}
