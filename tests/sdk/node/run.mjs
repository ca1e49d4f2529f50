// Runs jobs through the official Node client and prints what it saw as JSON.
//
// stdin: {"root": "http://host:port", "jobs": [{"name": …, "kind": …, "body": …}]}
// stdout: {"name": {"seen": …} | {"error": {…}}}, one entry for each job, in no order.

import OpenAI, { AzureOpenAI } from 'openai';
import { zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod';
import { ResponsesWS } from 'openai/resources/responses/ws';
import { z } from 'zod';

const { root, jobs } = JSON.parse(await new Response(process.stdin).text());
const client = new OpenAI({ baseURL: `${root}/v1`, apiKey: 'sk-none', maxRetries: 0 });

const Person = z.object({
  name: z.string(),
  age: z.number().nullable(),
  mood: z.enum(['calm', 'lively']),
  addresses: z.array(z.object({ street: z.string(), number: z.number().int() })),
});
const Weather = z.object({ city: z.string(), days: z.number() });
const weather = zodResponsesFunction({ name: 'get_weather', parameters: Weather });

async function all(iterable, limit = Infinity) {
  const found = [];
  for await (const one of iterable) {
    found.push(one);
    if (found.length >= limit) break;
  }
  return found;
}

async function until(condition) {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > deadline) throw new Error('waited in vain');
    await new Promise((resume) => setTimeout(resume, 10));
  }
}

async function refused(promise) {
  try {
    await promise;
  } catch (error) {
    return shown(error);
  }
  return null;
}

function shown(error) {
  const { status, code, param, type, requestID } = error;
  return { class: error.constructor.name, message: error.message, status, code, param, type, requestID };
}

const kinds = {
  // `stream()` is a strict validator of the protocol: ids, indexes, types of items, order, duplicates.
  async told(body) {
    const seen = [];
    const stream = client.responses.stream(body);
    stream.on('event', (event) => seen.push(structuredClone(event)));
    const final = await stream.finalResponse();
    return { events: seen, final };
  },

  async toldUntilFailure(body) {
    const seen = [];
    const stream = client.responses.stream(body);
    stream.on('event', (event) => seen.push(event.type));
    const error = await refused(stream.finalResponse());
    return { events: seen, error };
  },

  async raw(body) {
    return await all(await client.responses.create({ ...body, stream: true }));
  },

  async plain(body) {
    const made = await client.responses.create(body);
    return { made, text: made.output_text, found: body.store === false ? null : await client.responses.retrieve(made.id) };
  },

  async parse(body) {
    const made = await client.responses.parse({ ...body, text: { format: zodTextFormat(Person, 'person') } });
    return { parsed: made.output_parsed, format: made.text.format };
  },

  async parseStream(body) {
    const stream = client.responses.stream({ ...body, text: { format: zodTextFormat(Person, 'person') } });
    return (await stream.finalResponse()).output_parsed;
  },

  async parseArguments(body) {
    const made = await client.responses.parse({ ...body, tools: [weather] });
    return made.output.map((item) => item.parsed_arguments);
  },

  async toolTurn(body) {
    const first = await client.responses.create({ ...body, tools: [weather] });
    const outputs = first.output
      .filter((item) => item.type === 'function_call')
      .map((item, number) => ({ type: 'function_call_output', call_id: item.call_id, output: `answer ${number}` }));
    const second = await client.responses.create({
      model: body.model, previous_response_id: first.id, input: outputs, tools: [weather],
    });
    const whole = [{ role: 'user', content: body.input }, ...first.output, ...outputs];
    const stateless = await client.responses.create({ model: body.model, input: whole, tools: [weather], store: false });
    return { calls: outputs.length, chained: second.output_text, stateless: stateless.output_text };
  },

  async state(body) {
    const made = await client.responses.create(body);
    const items = await all(client.responses.inputItems.list(made.id, { order: 'asc', limit: 2 }));
    const newest = await client.responses.inputItems.list(made.id, { limit: 1 });
    const counted = await client.responses.inputTokens.count({ model: body.model, input: body.input });
    const cancel = await refused(client.responses.cancel(made.id));
    await client.responses.delete(made.id);
    const gone = await refused(client.responses.retrieve(made.id));
    return { items, newest: newest.data, counted, usage: made.usage, cancel, gone };
  },

  async background(body) {
    const made = await client.responses.create({ ...body, background: true });
    const ended = await until(async () => {
      const found = await client.responses.retrieve(made.id);
      return ['queued', 'in_progress'].includes(found.status) ? null : found;
    });
    return { first: made.status, ended };
  },

  async cancel(body) {
    const made = await client.responses.create({ ...body, background: true });
    await until(async () => (await client.responses.retrieve(made.id)).output_text);
    const cancelled = await client.responses.cancel(made.id);
    return { status: cancelled.status, text: cancelled.output[0].content[0].text };
  },

  // Leave after each event and come back.
  async resume(body) {
    const first = await client.responses.create({ ...body, background: true, stream: true });
    const told = await all(first, 1);
    const id = told[0].response.id;
    while (told.at(-1).type !== 'response.completed') {
      const starting_after = told.at(-1).sequence_number;
      told.push(...(await all(await client.responses.retrieve(id, { stream: true, starting_after }), 1)));
    }
    const again = client.responses.stream({ response_id: id, starting_after: 4 });
    const numbers = [];
    again.on('event', (event) => numbers.push(event.sequence_number));
    const final = await again.finalResponse();
    return { told, numbers, final, found: await client.responses.retrieve(id) };
  },

  async conversations(body) {
    const made = await client.conversations.create({ metadata: { topic: 'a' } });
    const updated = await client.conversations.update(made.id, { metadata: { topic: 'b' } });
    const added = await client.conversations.items.create(made.id, {
      items: [{ type: 'message', role: 'user', content: 'before' }],
    });
    const response = await client.responses.create({ ...body, conversation: made.id });
    const items = await all(client.conversations.items.list(made.id, { order: 'asc', limit: 1 }));
    const one = await client.conversations.items.retrieve(items[0].id, { conversation_id: made.id });
    const afterwards = await client.conversations.items.delete(items[0].id, { conversation_id: made.id });
    const deleted = await client.conversations.delete(made.id);
    const gone = await refused(client.conversations.retrieve(made.id));
    return { made, updated, added: added.data, response, items, one, afterwards, deleted, gone };
  },

  async refusal(body) {
    return await refused(client.responses.create(body));
  },

  async many(bodies) {
    return await Promise.all(bodies.map(async (body) => (await client.responses.stream(body).finalResponse()).output_text));
  },

  async models() {
    return (await all(client.models.list())).map((model) => model.id);
  },

  async azure(body) {
    const azure = new AzureOpenAI({ endpoint: root, apiKey: 'any', apiVersion: '2025-04-01-preview' });
    const events = await all(await azure.responses.create({ ...body, stream: true }));
    return { events, found: await azure.responses.retrieve(events[0].response.id) };
  },

  // Several creates on one socket, each when the one before has ended; `$last` is the last response's id.
  async socket(frames) {
    const socket = new ResponsesWS(client);
    const answers = [];
    try {
      const events = socket[Symbol.asyncIterator]();
      for (const frame of frames) {
        const last = answers.at(-1)?.at(-1)?.response?.id;
        const sent = frame.previous_response_id === '$last' ? { ...frame, previous_response_id: last } : frame;
        socket.send({ type: 'response.create', ...sent });
        answers.push(await answer(events));
      }
    } finally {
      socket.close();
    }
    return answers;
  },
};

async function answer(events) {
  const seen = [];
  for (;;) {
    const { value, done } = await events.next();
    if (done || value.type === 'close') throw new Error('the socket closed');
    if (value.type === 'error') return [...seen, { type: 'error', error: shown(value.error), data: value.error.error }];
    if (value.type !== 'message') continue;
    seen.push(value.message);
    if (['response.completed', 'response.incomplete', 'response.failed'].includes(value.message.type)) return seen;
  }
}

const results = {};
for (const { name, kind, body } of jobs) {
  try {
    results[name] = { seen: await kinds[kind](body) };
  } catch (error) {
    results[name] = { error: { ...shown(error), stack: error.stack } };
  }
}
process.stdout.write(JSON.stringify(results));
