/** The candidate that a slip of one letter turned into `word`; letter case does not count. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const lowerWord = word.toLowerCase();
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) > 1) continue;
    if (isOneSlipApart(lowerWord, candidate.toLowerCase())) return candidate;
  }
  return undefined;
}

/** Whether one inserted, left out, replaced, or exchanged letter makes `left` of `right`. */
function isOneSlipApart(left: string, right: string): boolean {
  let start = 0;
  while (start < left.length && left[start] === right[start]) start += 1;
  let leftEnd = left.length;
  let rightEnd = right.length;
  while (leftEnd > start && rightEnd > start && left[leftEnd - 1] === right[rightEnd - 1]) {
    leftEnd -= 1;
    rightEnd -= 1;
  }
  const leftRest = left.slice(start, leftEnd);
  const rightRest = right.slice(start, rightEnd);
  if (leftRest.length === 2 && rightRest.length === 2) {
    return leftRest[0] === rightRest[1] && leftRest[1] === rightRest[0];
  }
  return leftRest !== rightRest && leftRest.length <= 1 && rightRest.length <= 1;
}
