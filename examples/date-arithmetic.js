// Due dates in business days. Dates without a time are days in UTC, whatever clock the machine has.

const DAY_MS = 24 * 60 * 60 * 1000;
const holidays = new Set(input.holidays);

const parseDay = text => {
  const day = new Date(`${text}T00:00:00Z`);
  // An impossible day (the 30th of February) is no day or another one.
  if (Number.isNaN(day.getTime()) || formatDay(day) !== text) throw new RangeError(`not a day: ${text}`);
  return day;
};
const formatDay = day => day.toISOString().slice(0, 10);
const addDays = (day, count) => new Date(day.getTime() + count * DAY_MS);
const isBusinessDay = day => day.getUTCDay() % 6 !== 0 && !holidays.has(formatDay(day));

function addBusinessDays(day, count) {
  while (count > 0) {
    day = addDays(day, 1);
    if (isBusinessDay(day)) count--;
  }
  return day;
}

function businessDaysBetween(from, to) {
  let count = 0;
  for (let day = addDays(from, 1); day <= to; day = addDays(day, 1)) if (isBusinessDay(day)) count++;
  return count;
}

// One month after the 31st of January is the last of February.
function addMonths(day, count) {
  const [year, month] = [day.getUTCFullYear(), day.getUTCMonth() + count];
  const lastOfMonth = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  return new Date(Date.UTC(year, month, Math.min(day.getUTCDate(), lastOfMonth)));
}

// ISO 8601: a week belongs to the year that has its Thursday.
function isoWeek(day) {
  const thursday = addDays(day, 4 - (day.getUTCDay() || 7));
  const year = thursday.getUTCFullYear();
  const week = Math.ceil(((thursday - Date.UTC(year, 0, 1)) / DAY_MS + 1) / 7);
  return `${year}-W${String(week).padStart(2, '0')}`;
}

const today = parseDay(input.today);
input.invoices.map(({ number, issued, termDays }) => {
  const start = parseDay(issued);
  const due = addBusinessDays(start, termDays);
  return {
    number,
    due: formatDay(due),
    week: isoWeek(due),
    overdueBusinessDays: businessDaysBetween(due, today),
    nextStatement: formatDay(addMonths(start, 1)),
  };
});
