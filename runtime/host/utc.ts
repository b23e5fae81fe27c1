/**
 * Dates without a Date.
 * @module
 */

/**
 * A time in UTC as `2026-01-31T23:59:59`. The first Date takes 0.2 ms, for the time zone of the machine.
 *
 * @param seconds Since 1970.
 */
export function utcText(seconds: number): string {
  const two = (part: number) => String(part).padStart(2, "0");
  const days = Math.floor(seconds / 86400), rest = seconds - days * 86400;
  // Years begin in March here, so that a leap day is the last day of its year. An era has 400 years.
  const since = days + 719468, era = Math.floor(since / 146097), day = since - era * 146097;
  const year = Math.floor(
    (day - Math.floor(day / 1460) + Math.floor(day / 36524) - Math.floor(day / 146096)) / 365,
  );
  const inYear = day - (365 * year + Math.floor(year / 4) - Math.floor(year / 100));
  const march = Math.floor((5 * inYear + 2) / 153), month = march < 10 ? march + 3 : march - 9;
  const date = [
    year + era * 400 + (month <= 2 ? 1 : 0),
    two(month),
    two(inYear - Math.floor((153 * march + 2) / 5) + 1),
  ];
  return `${date.join("-")}T${two(Math.floor(rest / 3600))}:${two(Math.floor(rest / 60) % 60)}:${
    two(rest % 60)
  }`;
}
