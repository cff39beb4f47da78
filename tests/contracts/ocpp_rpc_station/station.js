// A charging station that a test drives: lines of JSON in on stdin, lines of JSON out on stdout.
//
// In:  {"id": 1, "call": "Heartbeat", "payload": {}}   call the CSMS
//      {"answers": {"Reset": {"status": "Accepted"}}}   how calls of the CSMS are answered
//      {"raw": "[2,...]"}                               send a text as it is
//      {"close": true}                                  leave
// Out: {"event": "open", "protocol": "ocpp1.6"}, {"event": "refused", "status": 401, "error": ""},
//      {"id": 1, "answer": {}}, {"id": 1, "error": "InternalError", "description": ""},
//      {"event": "called", "action": "Reset", "payload": {}},
//      {"event": "fault", "error": "..."}               a frame or payload that breaks the rules
//      {"event": "received", "text": "..."}             every frame of the CSMS as it came
//      {"event": "closed", "code": 1000, "reason": ""}
"use strict";

const readline = require("node:readline");
const { RPCClient, createRPCError } = require("ocpp-rpc");

const options = JSON.parse(process.env.STATION_OPTIONS);
let isOpen = false;
const answers = new Map(Object.entries(options.answers ?? {}));

function say(message) {
    process.stdout.write(JSON.stringify(message) + "\n");
}

const station = new RPCClient({
    endpoint: options.endpoint,
    identity: options.identity,
    password: options.password ?? null,
    protocols: options.protocols,
    strictMode: options.strict ? options.protocols : false,
    callConcurrency: options.concurrency ?? 1,
    callTimeoutMs: options.call_timeout_ms ?? 15000,
    reconnect: false,
    wsOpts: options.tls ?? {},
});

station.handle(({ method, params }) => {
    say({ event: "called", action: method, payload: params });
    const answer = answers.get(method);
    if (answer === undefined) {
        throw createRPCError("NotImplemented", `no answer to ${method}`);
    }
    return answer;
});
station.on("message", ({ message, outbound }) => {
    if (!outbound) {
        say({ event: "received", text: message });
    }
});
station.on("strictValidationFailure", ({ method, outbound, isCall, error }) => {
    const what = `${outbound ? "sent" : "received"} ${method} ${isCall ? "request" : "answer"}`;
    say({ event: "fault", error: `${what}: ${error.message}` });
});
station.on("badMessage", ({ error }) => say({ event: "fault", error: `bad frame: ${error.message}` }));
station.on("close", ({ code, reason }) => {
    // The client says so of a socket that never opened, too.
    if (isOpen) {
        say({ event: "closed", code, reason });
    }
    process.stdin.pause();
});

async function called({ id, call, payload }) {
    try {
        say({ id, answer: await station.call(call, payload) });
    } catch (error) {
        say({ id, error: error.rpcErrorCode ?? error.name, description: error.message });
    }
}

function told(line) {
    const order = JSON.parse(line);
    if (order.call !== undefined) {
        called(order);
    } else if (order.answers !== undefined) {
        Object.entries(order.answers).forEach(([action, answer]) => answers.set(action, answer));
    } else if (order.raw !== undefined) {
        station.sendRaw(order.raw);
    } else if (order.close) {
        station.close();
    }
}

async function main() {
    const lines = readline.createInterface({ input: process.stdin });
    lines.on("line", told);
    lines.on("close", () => station.close({ force: true }));
    try {
        await station.connect();
        isOpen = true;
        say({ event: "open", protocol: station.protocol });
    } catch (error) {
        say({ event: "refused", status: error.code ?? 0, error: error.message });
        process.stdin.pause();
    }
}

main();
