import { z } from 'zod';
const Line = z.object({ sku: z.string().regex(/^[a-z]-\d+$/), qty: z.number().int().positive() });
const Order = z.object({
  id: z.coerce.number(),
  email: z.string().email(),
  lines: z.array(Line).nonempty(),
  status: z.enum(['open', 'paid']).default('open'),
  note: z.string().trim().max(10).optional(),
  created: z.string().datetime().transform((text) => new Date(text).getTime()),
}).strict().refine((order) => order.id !== 13, { message: 'unlucky', path: ['id'] });
const valid = { id: '7', email: 'ann@example.com', lines: [{ sku: 'a-1', qty: 2 }], created: '2024-02-28T22:15:30Z' };
const issues = (value) => Order.safeParse(value).error?.issues.map(({ path, code, message }) => [path.join('.'), code, message]);
const Shape = z.discriminatedUnion('kind', [z.object({ kind: z.literal('circle'), r: z.number() }), z.object({ kind: z.literal('square'), side: z.number() })]);
export default {
  parsed: Order.parse(valid),
  missing: issues({}),
  wrong: issues({ ...valid, email: 'x', extra: 1, lines: [{ sku: '!', qty: 0.5 }] }),
  refined: issues({ ...valid, id: 13 }),
  union: [Shape.safeParse({ kind: 'circle', r: 1 }).success, Shape.safeParse({ kind: 'line' }).error.issues[0].code],
  partial: Order.innerType().partial().keyof().options,
  later: await z.string().refine(async (text) => text.length > 2).safeParseAsync('ab').then((result) => result.success),
  record: z.record(z.number()).safeParse({ a: 1, b: 'x' }).error.issues[0].path,
};
