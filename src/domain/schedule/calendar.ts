/** Proleptic Gregorian arithmetic on day numbers: days since 1970-01-01, negative before. */

/** The calendar repeats, weekdays included, after 400 years. */
export const cycleDays = 146_097;

/** A day as year, month (1 to 12) and day (1 to 31). */
export interface CivilDay {
  year: number;
  month: number;
  day: number;
}

/** The day number of a date. The year is counted from March, so that the leap day is a year's last. */
export function dayNumber(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const cycle = Math.floor(shifted / 400);
  const ofCycle = shifted - cycle * 400;
  const ofYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return cycle * cycleDays + ofCycle * 365 + Math.floor(ofCycle / 4) - Math.floor(ofCycle / 100) + ofYear - 719_468;
}

/** The date of a day number. */
export function civilDay(number: number): CivilDay {
  const shifted = number + 719_468;
  const cycle = Math.floor(shifted / cycleDays);
  const ofCycle = shifted - cycle * cycleDays;
  const yearOfCycle = Math.floor(
    (ofCycle - Math.floor(ofCycle / 1_460) + Math.floor(ofCycle / 36_524) - Math.floor(ofCycle / 146_096)) / 365,
  );
  const ofYear = ofCycle - (365 * yearOfCycle + Math.floor(yearOfCycle / 4) - Math.floor(yearOfCycle / 100));
  const marchMonth = Math.floor((5 * ofYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  const year = cycle * 400 + yearOfCycle + (month <= 2 ? 1 : 0);
  return { year, month, day: ofYear - Math.floor((153 * marchMonth + 2) / 5) + 1 };
}

/** 0 for Sunday to 6 for Saturday; 1970-01-01 was a Thursday. */
export function weekday(number: number): number {
  return (((number + 4) % 7) + 7) % 7;
}

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
