// Nothing here waits for ever, and who waited in vain hears for what.

export const seconds = 1000;
export const minutes = 60 * seconds;

// within passes on what a promise becomes, or fails when that takes longer.
export async function within(milliseconds, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${milliseconds / seconds} s`)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
