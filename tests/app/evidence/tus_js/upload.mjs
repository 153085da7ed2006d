// Uploads one file with tus-js-client as standard input says, and answers with one line of JSON.
import { readFileSync } from "node:fs";
import { Upload } from "tus-js-client";

const asked = JSON.parse(readFileSync(0, "utf8"));
const content = readFileSync(asked.path);
const told = { retries: 0, sent: 0, url: null, error: null, status: null, why: null };

const upload = new Upload(content, {
  endpoint: asked.endpoint,
  uploadUrl: asked.uploadUrl ?? null,
  headers: asked.headers,
  metadata: asked.metadata,
  chunkSize: asked.chunkSize ?? Infinity,
  overridePatchMethod: asked.overridePatchMethod ?? false,
  uploadDataDuringCreation: asked.uploadDataDuringCreation ?? false,
  retryDelays: Array(asked.retries ?? 0).fill(20),
  storeFingerprintForResuming: false,
  onShouldRetry: (error) => {
    const status = error.originalResponse?.getStatus() ?? 0;
    const again = status < 400 || status >= 500 || [409, 423, 460].includes(status);
    if (again) told.retries += 1;
    return again;
  },
  onChunkComplete: (_size, accepted) => {
    told.sent = accepted;
    if (asked.stopAfter !== undefined && accepted >= asked.stopAfter) stop();
  },
  onError: (error) => {
    told.error = String(error.message).slice(0, 200);
    const answered = error.originalResponse;
    told.status = answered?.getStatus() ?? null;
    told.why = answered?.getBody() ? JSON.parse(answered.getBody()).why : null;
    answer();
  },
  onSuccess: () => answer(),
});

async function stop() {
  await upload.abort(asked.terminate ?? false);
  answer();
}

function answer() {
  told.url = upload.url;
  console.log(JSON.stringify(told));
  process.exit(0);
}

upload.start();
