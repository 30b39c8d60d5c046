// Programs that run beside this one, each with what it starts in a process group of its own: none outlives this process.
import { spawn } from 'node:child_process';
import { within } from './wait.mjs';

// start starts a program; cleanUp runs when all of it has ended, at the latest when this process does.
export function start(program, args, options, cleanUp = () => {}) {
  const child = spawn(program, args, { ...options, detached: true });
  const gone = new Promise(resolve => {
    child.once('error', resolve); // It was never there.
    child.once('exit', resolve);
  });
  const end = () => {
    killGroup(child.pid);
    cleanUp();
  };
  process.once('exit', end);
  // stop ends it, by asking first: by SIGTERM or as ask does.
  const stop = async (milliseconds, ask = () => child.kill('SIGTERM')) => {
    await within(milliseconds, program, Promise.all([ask(), gone])).catch(() => {}); // Then by force.
    process.off('exit', end);
    end();
  };
  return { child, gone, stop };
}

function killGroup(leader) {
  if (!leader) return;
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error; // Nobody is left.
  }
}
