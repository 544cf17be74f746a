// The official JavaScript client against a running server: one test per row. API host in APIHOST, key in AUTH.
'use strict';
const assert = require('node:assert');
const test = require('node:test');
const openwhisk = require('openwhisk');

const client = openwhisk({apihost: process.env.APIHOST, api_key: process.env.AUTH});
const hello = 'def main(args):\n    print("hi from hello")\n    return {"payload": "Hello"}\n';

async function refused(call, status, text) {
  await assert.rejects(call, error => {
    assert.strictEqual(error.statusCode, status);
    assert.match(error.message, text);
    return true;
  });
}

// The record is written when the activation has ended, after its answer.
async function record(activationId) {
  for (let attempt = 0; attempt < 600; ++attempt) {
    try {
      return await client.activations.get({name: activationId});
    } catch (error) {
      if (error.statusCode !== 404) throw error;
      await new Promise(resume => setTimeout(resume, 100));
    }
  }
  throw new Error(`no record of ${activationId} within a minute`);
}

test('namespaces are listed', async () => {
  assert.deepStrictEqual(await client.namespaces.list(), ['guest']);
});

test('a wrong key is refused', async () => {
  const stranger = openwhisk({apihost: process.env.APIHOST, api_key: 'bad:key'});
  await refused(stranger.actions.list(), 401, /The supplied authentication is invalid/);
});

test('an action is created, and a second time refused', async () => {
  const action = await client.actions.create({name: 'hello', action: hello, kind: 'python:default'});
  assert.strictEqual(action.version, '0.0.1');
  assert.strictEqual(action.exec.kind, 'python:3');
  await refused(client.actions.create({name: 'hello', action: hello, kind: 'python:3'}), 409, /resource already exists/);
});

test('an action is read with its code', async () => {
  const action = await client.actions.get({name: 'hello'});
  assert.strictEqual(action.exec.code, hello);
  await refused(client.actions.get({name: 'nothere'}), 404, /The requested resource does not exist/);
});

test('an action is updated', async () => {
  const action = await client.actions.update(
      {name: 'hello', action: hello, kind: 'python:3', params: {place: 'Kansas'}, limits: {memory: 512}});
  assert.strictEqual(action.version, '0.0.2');
  assert.strictEqual(action.limits.memory, 512);
  assert.deepStrictEqual(action.parameters, [{key: 'place', value: 'Kansas'}]);
});

test('unknown kinds are refused', async () => {
  await refused(client.actions.create({name: 'bad', action: hello, kind: 'foo:1'}), 400, /'foo:1' is not supported/);
});

test('actions are listed, in pages and counted', async () => {
  await client.actions.create({name: 'echo', action: 'def main(args):\n    return args\n', kind: 'python:3'});
  const all = await client.actions.list();
  assert.deepStrictEqual(all.map(action => action.name), ['echo', 'hello']);
  const page = await client.actions.list({limit: 1, skip: 1});
  assert.deepStrictEqual(page.map(action => action.name), ['hello']);
  assert.deepStrictEqual(await client.actions.list({count: true}), {actions: 2});
});

test('an invocation is accepted and leaves a record', async () => {
  const {activationId} = await client.actions.invoke({name: 'hello'});
  assert.match(activationId, /^[0-9a-f]{32}$/);
  const activation = await record(activationId);
  assert.deepStrictEqual(activation.response.result, {payload: 'Hello'});
  assert.strictEqual(activation.response.status, 'success');
});

test('a blocking invocation answers the record', async () => {
  const activation = await client.actions.invoke({name: 'hello', blocking: true});
  assert.strictEqual(activation.response.success, true);
  assert.deepStrictEqual(activation.logs, []);
});

test('a result keeps the types of its values', async () => {
  const params = {n: 3, f: 0.5, o: {a: [1, 2]}, s: 'str', nothing: null};
  assert.deepStrictEqual(await client.actions.invoke({name: 'echo', blocking: true, result: true, params}), params);
});

test('an application error is refused with its result', async () => {
  await client.actions.create({name: 'apperr', action: 'def main(args):\n    return {"error": "oops"}\n', kind: 'python:3'});
  await refused(client.actions.invoke({name: 'apperr', blocking: true, result: true}), 502, /oops/);
});

test('activations are listed newest first and filtered by name', async () => {
  const all = await client.activations.list();
  assert.ok(all.length >= 4);
  assert.ok(all.every((activation, i) => i === 0 || activation.start <= all[i - 1].start));
  const named = await client.activations.list({name: 'echo'});
  assert.deepStrictEqual(named.map(activation => activation.name), ['echo']);
});

test('logs and result of an activation are read', async () => {
  const {activationId} = await client.actions.invoke({name: 'hello'});
  await record(activationId);
  const {logs} = await client.activations.logs({name: activationId});
  assert.match(logs[0], /stdout: hi from hello$/);
  assert.deepStrictEqual((await client.activations.result({name: activationId})).result, {payload: 'Hello'});
});

test('packages, triggers and rules are empty', async () => {
  for (const collection of ['packages', 'triggers', 'rules']) assert.deepStrictEqual(await client[collection].list(), []);
});

test('an action is deleted', async () => {
  await client.actions.delete({name: 'hello'});
  await refused(client.actions.delete({name: 'hello'}), 404, /The requested resource does not exist/);
});
