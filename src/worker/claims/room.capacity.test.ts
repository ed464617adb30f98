import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Room } from './room.ts';

describe('Room', () => {
  it('says so when it grows, and takes no more than a smaller capacity once it shrank', async () => {
    let told = 0;
    const room = new Room(2, () => told++);
    assert.deepEqual([room.take(), room.take(), room.take()], [true, true, false]);
    room.capacity = 1;
    await turn();
    assert.deepEqual([room.free, room.take(), told], [0, false, 0]);
    room.give();
    assert.deepEqual([room.free, room.take()], [0, false]);
    await turn();
    room.capacity = 3;
    await turn();
    await turn();
    assert.deepEqual([room.free, told], [2, 2]);
  });
});
