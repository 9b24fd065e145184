// The score of the items that are shown, with its 95 % interval as the page's own are made (report/statistics/
// intervals.py): Wilson's for a share of independent items, else the jackknife over clusters with Student's t.

const Z = 1.959963984540054; // the standard normal distribution has 97.5 % below it

function wilson(share, n) {
  const centre = (share + (Z * Z) / (2 * n)) / (1 + (Z * Z) / n);
  const half = (Z * Math.sqrt((share * (1 - share)) / n + (Z * Z) / (4 * n * n))) / (1 + (Z * Z) / n);
  return [share === 0 ? 0 : centre - half, share === 1 ? 1 : centre + half];
}

// The share of Student's t between -t and t; a finite sum (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4).
function studentShare(t, freedom) {
  const angle = Math.atan(t / Math.sqrt(freedom));
  const cosine = Math.cos(angle);
  const odd = freedom % 2;
  let sum = 0;
  let term = odd ? cosine : 1;
  for (let power = odd; power <= freedom - 2; power += 2) {
    sum += term;
    term *= (cosine * cosine * (power + 1)) / (power + 2);
    if (term < 1e-18) break;
  }
  return odd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
}

// The quantile of Student's t that has 97.5 % below it: by bisection, and with many degrees of freedom, where the sum is
// long, by the expansion about the normal quantile (Abramowitz and Stegun 1964, 26.7.5), which is off by less than 1e-9.
function studentQuantile(freedom) {
  if (freedom >= 100) {
    const terms = [
      (Z ** 3 + Z) / 4,
      (5 * Z ** 5 + 16 * Z ** 3 + 3 * Z) / 96,
      (3 * Z ** 7 + 19 * Z ** 5 + 17 * Z ** 3 - 15 * Z) / 384,
      (79 * Z ** 9 + 776 * Z ** 7 + 1482 * Z ** 5 - 1920 * Z ** 3 - 945 * Z) / 92160,
    ];
    return terms.reduce((sum, term, at) => sum + term / freedom ** (at + 1), Z);
  }
  let [low, high] = [0, 13];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (studentShare(middle, freedom) < 0.95) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

// Sums by cluster of up to `size` clusters: what a mean and its interval are made of.
const sumsOf = (size) => ({ sums: new Float64Array(size), sizes: new Uint32Array(size), n: 0, total: 0, likeShare: true });

function addTo(found, cluster, value, scale) {
  found.sums[cluster] += value;
  found.sizes[cluster] += 1;
  found.n += 1;
  found.total += value;
  found.likeShare &&= value === 0 || value === scale;
}

// Returns the mean with its interval and how that was made; `scale`: the upper end of the range, or null.
function estimate({ sums, sizes, n, total, likeShare }, scale) {
  const value = total / n;
  const own = [];
  for (let at = 0; at < sizes.length; at++) if (sizes[at]) own.push(at);
  const count = own.length;
  const unit = count === n ? "item" : "cluster";
  const made = (ends, method) => ({ value, n, clusters: count, ends, method });
  const stretched = (of, method) => made(wilson(value / scale, of).map((end) => end * scale), method);
  if (count === n && scale && likeShare) return stretched(n, "Wilson");
  if (count < 2) return made(null, `no interval: one ${unit}`);
  const without = Float64Array.from(own, (at) => (total - sums[at]) / (n - sizes[at]));
  const middle = without.reduce((sum, one) => sum + one, 0) / count;
  if (extent(without) <= 1e-12 * Math.max(1, Math.abs(middle))) {
    return scale
      ? stretched(count, `Wilson over ${unit}s, as all are alike`)
      : made(null, `no interval: every ${unit} is alike`);
  }
  const squares = without.reduce((sum, one) => sum + (one - middle) ** 2, 0);
  const half = studentQuantile(count - 1) * Math.sqrt(((count - 1) / count) * squares);
  const [least, most] = scale ? [0, scale] : [-Infinity, Infinity];
  const ends = [Math.max(least, value - half), Math.min(most, value + half)];
  return made(ends, `delete-one-${unit} jackknife, t(G−1)`);
}

function extent(values) {
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) [least, most] = [Math.min(least, value), Math.max(most, value)];
  return most - least;
}

// Returns, for each task and model of the rows in view, what its items score: by the primary metric where that is the
// mean of the items, else the share that is correct by the metric of the verdicts.
function scoresInView() {
  const seen = new Uint8Array(items.task.length);
  const found = tasks.map((task) => task.sides.map(() => null));
  const add = (number, side, own) => {
    const task = tasks[number];
    const value = task.mean ? task.score[side][own] : task.right[side][own];
    if (value === null || value === undefined) return;
    found[number][side] ??= sumsOf(task.cluster?.by ? task.cluster.of.at(-1) + 1 : task.names.length);
    addTo(found[number][side], task.cluster?.by ? task.cluster.of[own] : own, value, task.mean ? task.scale : 1);
  };
  for (const row of view) {
    const item = rows.item[row];
    const number = items.task[item];
    const own = items.own[item];
    if (!seen[item] && tasks[number].scored[0]) add(number, 0, own);
    seen[item] = 1;
    if (rows.side[row]) add(number, rows.side[row], own);
  }
  return found.flatMap((sides, number) =>
    sides.flatMap((sums, side) => {
      if (!sums) return [];
      const task = tasks[number];
      const metric = task.metrics[task.mean ? task.primary : task.verdict]?.label ?? "";
      const score = estimate(sums, task.mean ? task.scale : 1);
      // A page that an older version made does not say which items share a cluster.
      const known = task.cluster ? score : { ...score, ends: null, method: null };
      return { task, side, metric: task.mean ? metric : `share correct by ${metric}`, scale: task.mean ? task.scale : 1, ...known };
    }),
  );
}

// Whether the items were chosen by what a model made of them; a search looks into the answers too.
const chosenByOutcome = () =>
  Boolean(wanted.move || wanted.query || wanted.sureFrom > 0 || wanted.sureTo < 100);
