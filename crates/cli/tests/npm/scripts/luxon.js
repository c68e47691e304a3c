const { DateTime, Duration, Info, Interval } = luxon;
const start = DateTime.fromISO('2024-02-28T22:15:30Z', { zone: 'utc' });
({
  iso: [start.toISO(), start.toISODate(), start.toSQL({ includeOffset: false }), start.toUnixInteger()],
  formatted: start.toFormat('yyyy-LL-dd HH:mm:ss'),
  later: [start.plus({ days: 2, hours: 3 }).toISO(), start.endOf('month').toISODate(), start.set({ hour: 1 }).toISO()],
  difference: DateTime.fromISO('2024-03-15T00:00:00Z', { zone: 'utc' }).diff(start, ['days', 'hours']).toObject(),
  duration: [Duration.fromISO('PT90M').as('hours'), Duration.fromObject({ hours: 25, minutes: 1 }).normalize().toISO(), Duration.fromMillis(90061000).toFormat('hh:mm:ss')],
  parsed: DateTime.fromFormat('31.12.2024 18:05', 'dd.LL.yyyy HH:mm', { zone: 'utc' }).toISO(),
  invalid: DateTime.fromISO('2024-02-30').isValid,
  parts: [start.weekNumber, start.ordinal, start.quarter, start.weekday, start.isInLeapYear],
  local: [start.toLocaleString(DateTime.DATE_FULL), start.toLocaleString(DateTime.DATETIME_MED_WITH_WEEKDAY), start.toLocaleString(DateTime.TIME_24_SIMPLE), start.toFormat("cccc, MMMM d 'at' h:mm a ZZZZ"), start.weekdayShort],
  names: [Info.months('short'), Info.weekdays('narrow'), Info.meridiems(), Info.eras('long')],
  relative: [start.minus({ days: 1 }).toRelative({ base: start }), start.plus({ months: 3 }).toRelative({ base: start }), start.plus({ days: 1 }).toRelativeCalendar({ base: start })],
  spoken: [Duration.fromObject({ hours: 1234.5 }).toMillis(), DateTime.fromFormat('March 5, 2024', 'MMMM d, yyyy', { zone: 'utc' }).toISODate()],
  interval: Interval.fromDateTimes(start, start.plus({ days: 3 })).length('hours'),
})
