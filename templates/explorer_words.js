// Which words of an answer the nearest gold answer does not have in their order, and which of its words are missing.

const MOST_PAIRS = 250_000; // of words; longer texts are compared without their order

const wordsIn = (text) => [...text.matchAll(/\S+/gu)].map((found) => ({ text: found[0], at: found.index }));

// Case and punctuation do not count, as they do not in exact match.
const keyOf = ({ text }) => text.toLowerCase().replace(/[\p{P}\p{S}]/gu, "") || text;

// Returns which words of `one` and of `other`, lists of keys, are not in their longest common sequence.
function unshared(one, other) {
  if (one.length * other.length > MOST_PAIRS) {
    const [first, second] = [new Set(one), new Set(other)];
    return [one.map((key) => !second.has(key)), other.map((key) => !first.has(key))];
  }
  const width = other.length + 1;
  const longest = new Uint16Array((one.length + 1) * width);
  for (let i = one.length - 1; i >= 0; i--) {
    for (let j = other.length - 1; j >= 0; j--) {
      const [here, down, right] = [i * width + j, (i + 1) * width + j, i * width + j + 1];
      longest[here] = one[i] === other[j] ? 1 + longest[down + 1] : Math.max(longest[down], longest[right]);
    }
  }
  const differs = [one.map(() => true), other.map(() => true)];
  for (let i = 0, j = 0; i < one.length && j < other.length; ) {
    if (one[i] === other[j]) [differs[0][i++], differs[1][j++]] = [false, false];
    else if (longest[(i + 1) * width + j] >= longest[i * width + j + 1]) i++;
    else j++;
  }
  return differs;
}

// Returns how an answer differs from that of the gold answers which is nearest to it: the words of both, each with
// whether the other text lacks it, and the place of the nearest.
function differing(answer, gold) {
  const own = wordsIn(answer);
  let best = null;
  for (const [place, text] of gold.entries()) {
    const right = wordsIn(text);
    const [extra, missing] = unshared(own.map(keyOf), right.map(keyOf));
    const cost = [...extra, ...missing].filter(Boolean).length;
    if (!best || cost < best.cost) best = { place, own, right, extra, missing, cost };
  }
  return best;
}

// Puts `text` into an element, and marks those of its `words` that `differs` says are not in the other text.
function filledWords(element, text, words, differs, properties) {
  let at = 0;
  for (const [place, word] of words.entries()) {
    if (!differs[place]) continue;
    filled(element, text.slice(at, word.at), wanted.query);
    element.append(filled(make("span", properties), word.text, wanted.query));
    at = word.at + word.text.length;
  }
  return filled(element, text.slice(at), wanted.query);
}

// Says in words what differs, for those who do not see the marks.
function differenceSaid({ own, right, extra, missing }) {
  const told = (words, differs) => words.filter((_, at) => differs[at]).map(({ text }) => text).join(" ").slice(0, INPUT);
  const parts = [
    extra.includes(true) && `Not in the gold answer (underlined): ${told(own, extra)}.`,
    missing.includes(true) && `Missing from it: ${told(right, missing)}.`,
  ];
  return parts.filter(Boolean).join(" ");
}
