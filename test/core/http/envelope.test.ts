import { envelopeWriter, requestId } from '@tollgate/core/http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('the envelope', () => {
  it('has its keys in order and no others, for any id, code and message', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), fc.string(), (id, code, message) => {
        const body = envelopeWriter(429, code, message)(id);
        expect(body).toBe(JSON.stringify({ request_id: id, http_code: 429, response: { error: { code, message } } }));
      }),
    );
  });
});

describe('the request id', () => {
  it("is the client's if that is valid, else the framework's, else 32 hexadecimal digits", () => {
    expect(requestId('c6084ac2-e9a4:1', 'ours')).toBe('c6084ac2-e9a4:1');
    expect(requestId(undefined, 'ours')).toBe('ours');
    expect(requestId('', 7)).toBe('7');
    for (const header of ['a b', 'a\r\nb', '<b>', 'é', 'a'.repeat(129), ['a', 'b'], undefined]) {
      for (const framework of [undefined, null, '', {}, 'x\ny', Symbol('id')]) {
        expect(requestId(header, framework)).toMatch(/^[0-9a-f]{32}$/);
      }
    }
  });

  it('is different from thousands of others', () => {
    const ids = new Set(Array.from({ length: 5000 }, () => requestId(undefined, undefined)));
    expect(ids.size).toBe(5000);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
  });
});
